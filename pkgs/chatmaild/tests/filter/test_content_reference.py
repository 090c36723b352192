"""Rule E1 against the reference implementation, with generated messages."""

import base64
from collections.abc import Iterator

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chatmaild.filter.content import Content
from chatmaild.filter.mime.headers import Header
from chatmaild.filter.mime.multipart import Multipart
from chatmaild.filter.openpgp.packets import PacketReader

from ..timing import is_quick
from .support import generated, reference
from .support.generated import HEADS, NOTES
from .support.messages import armour, encrypted, packets, read
from .support.tape import from_tape

BOUNDARY = b"=-cut"
HEADER = [Header(b"Content-Type", b' multipart/encrypted; boundary="=-cut"')]
SLOW_S = 2.0
thorough = settings(
    max_examples=700, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)

message = from_tape(generated.message)
bodies = from_tape(generated.body)
sizes = st.binary(min_size=1, max_size=4).map(lambda taken: [1 + size % 50 for size in taken])


def cut(text: bytes, sizes: list[int]) -> Iterator[bytes]:
    """`text` in pieces of these sizes, repeated."""
    at, turn = 0, 0
    while at < len(text):
        size = sizes[turn % len(sizes)]
        yield text[at : at + size]
        at, turn = at + size, turn + 1


class Recorder:
    """Records the parts of a body."""

    def __init__(self) -> None:
        self.parts: list[tuple[bytes, bytes]] = []

    def outside(self, short_bytes: bytes) -> bool:
        """Ignore preamble and epilogue."""
        return True

    def begin(self, header: bytes) -> bool:
        """Begin a part."""
        self.parts.append((header, b""))
        return True

    def data(self, short_bytes: bytes) -> bool:
        """Append content."""
        header, content = self.parts[-1]
        self.parts[-1] = (header, content + short_bytes)
        return True

    def end(self) -> bool:
        """End a part."""
        return True


@thorough
@given(message, sizes)
def test_packets_have_the_verdict_of_the_reference(content: bytes, sizes: list[int]) -> None:
    """Both accept exactly the same packets."""
    text = base64.b64encode(content)
    bare = text.rstrip(b"=")
    reader = PacketReader()
    for chunk in cut(bare, sizes):
        reader.feed(chunk)
    passed = reader.finish(len(text) - len(bare))

    assert reference.is_message(content) == passed


@thorough
@given(bodies, st.booleans(), st.integers(1, 70_000))
@example(encrypted(), True, 1)
@example(encrypted(), False, 70_000)
@example(NOTES[0] + encrypted() + NOTES[0], True, 5)
@example(encrypted(armour(packets(), head=b"".join(HEADS[:3]) + b" \r\n")), True, 5)
@example(encrypted(armour(packets(), head=b"".join(HEADS[:5]) + b" \r\n")), False, 5)
def test_bodies_that_the_reference_refuses_are_refused(
    body: bytes, strict: bool, step: int
) -> None:
    """No body raises an exception or takes long."""
    found = []

    def work() -> None:
        found.append(read(HEADER, body, strict=strict, step=step) is Content.ENCRYPTED)

    assert is_quick(work, SLOW_S)
    assert reference.is_encrypted(body, BOUNDARY, strict=strict) or found[0] is False


@thorough
@given(bodies, st.booleans(), st.integers(1, 300))
def test_the_size_of_the_pieces_does_not_matter(body: bytes, strict: bool, step: int) -> None:
    """The verdict is the same for any size."""
    whole = read(HEADER, body, strict=strict)

    assert whole is read(HEADER, body, strict=strict, step=step)


@thorough
@given(bodies, st.integers(1, 300))
@example(NOTES[0] + encrypted() + NOTES[0], 5)
def test_parts_are_those_of_the_reference(body: bytes, step: int) -> None:
    """Header and content of each part are equal."""
    recorder = Recorder()
    multipart = Multipart(BOUNDARY, recorder)
    for piece in cut(body, [step]):
        multipart.feed(piece)

    assert not multipart.finish() or recorder.parts == reference.parts(body, BOUNDARY)


@thorough
@given(message, st.booleans(), st.sampled_from([b"", b"=aBc4\r\n"]), st.integers(1, 100))
def test_unusual_armour_of_valid_packets_passes(
    content: bytes, strict: bool, tail: bytes, width: int
) -> None:
    """The filter accepts what the reference accepts."""
    body = encrypted(armour(content, tail=tail, width=width))
    passed = read(HEADER, body, strict=strict) is Content.ENCRYPTED

    assert reference.is_encrypted(body, BOUNDARY, strict=strict) == passed
