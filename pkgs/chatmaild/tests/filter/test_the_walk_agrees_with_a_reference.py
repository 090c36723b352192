"""Rule 3.2 against a second reading of it, with messages that nobody would think of."""

import base64
import time
from collections.abc import Iterator

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chatmaild.filter.content import Content
from chatmaild.filter.headers import Header
from chatmaild.filter.packets import PacketWalk

from . import reference
from .letters import BEGIN, CLOSE, CONTROL, DATA_TYPE, END, armour, encrypted, packets, part, read

BOUNDARY = b"=-cut"
HEADER = [Header(b"Content-Type", b' multipart/encrypted; boundary="=-cut"')]
SLOW_S = 2.0
thorough = settings(
    max_examples=400, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)

octets = st.binary(max_size=40)
lengths = st.one_of(
    st.integers(0, 191).map(lambda size: bytes([size])),
    st.binary(min_size=1, max_size=5),
    st.integers(0, 60).map(lambda size: b"\xff" + size.to_bytes(4, "big")),
    st.integers(0, 8).map(lambda size: bytes([224 + size])),
)
packet = st.one_of(
    st.tuples(st.sampled_from([b"\xc1", b"\xc3", b"\xd2", b"\x84", b"\x85", b"\x8c"]), octets).map(
        lambda pair: pair[0] + bytes([len(pair[1])]) + pair[1]
    ),
    st.tuples(st.integers(128, 255).map(lambda tag: bytes([tag])), lengths, octets).map(b"".join),
    octets,
)
message = st.one_of(
    st.lists(packet, max_size=5).map(b"".join),
    st.tuples(st.lists(packet, max_size=3).map(b"".join), st.just(packets(20))).map(b"".join),
    st.just(packets()),
)
piece = st.sampled_from(
    [
        b"--=-cut", b"--=-cut\r\n", CLOSE, b"\r\n", b"\r", b"\n", b" ", b"=", b"-", b"--", b"Hello",
        BEGIN, END, DATA_TYPE, CONTROL, b"Version: 1", b"Version: x\r\n", b"\r\n\r\n", b"\0",
        b"Content-Type: text/plain\r\n", b"Content-Transfer-Encoding: base64\r\n", b"=aBc4\r\n",
        armour(packets()), encrypted(), base64.b64encode(packets()),
    ]
)  # fmt: skip


@st.composite
def spoilt(draw: st.DrawFn, text: bytes) -> bytes:
    """``text`` with some of it cut out, doubled, or replaced."""
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.one_of(st.just(start), st.integers(start, min(len(text), start + 30))))
        text = text[:start] + draw(st.one_of(st.just(b""), piece, octets)) + text[end:]
    return text


bodies = st.one_of(
    message.map(lambda content: encrypted(armour(content))),
    message.flatmap(lambda content: spoilt(encrypted(armour(content)))),
    spoilt(encrypted(armour(packets(), tail=b"=aBc4\r\n"))),
    spoilt(
        CONTROL
        + part(
            DATA_TYPE + b"\r\nContent-Transfer-Encoding: base64",
            base64.encodebytes(armour(packets())).replace(b"\n", b"\r\n"),
        )
        + CLOSE
    ),
    st.lists(piece, max_size=12).map(b"".join),
    st.binary(max_size=200),
)


def cut(text: bytes, sizes: list[int]) -> Iterator[bytes]:
    """``text`` in pieces of these sizes, over and over."""
    at, turn = 0, 0
    while at < len(text):
        size = sizes[turn % len(sizes)]
        yield text[at : at + size]
        at, turn = at + size, turn + 1


@thorough
@given(message, st.lists(st.integers(1, 50), min_size=1, max_size=4))
def test_packets(content: bytes, sizes: list[int]) -> None:
    """Exactly the same are passed."""
    text = base64.b64encode(content)
    bare = text.rstrip(b"=")
    walk = PacketWalk()
    for chunk in cut(bare, sizes):
        walk.feed(chunk)
    passed = walk.finish(len(text) - len(bare))

    assert reference.is_message(content) == passed


@thorough
@given(bodies, st.booleans(), st.integers(1, 70_000))
@example(encrypted(), True, 1)
@example(encrypted(), False, 70_000)
def test_bodies(body: bytes, strict: bool, step: int) -> None:
    """Nothing passes that the reference refuses, nothing raises, nothing takes long."""
    started_s = time.process_time()
    passed = read(HEADER, body, strict=strict, step=step) is Content.ENCRYPTED

    assert reference.is_encrypted(body, BOUNDARY, strict=strict) or not passed
    assert time.process_time() - started_s < SLOW_S


@thorough
@given(bodies, st.booleans(), st.integers(1, 300))
def test_cutting_changes_nothing(body: bytes, strict: bool, step: int) -> None:
    """The verdict does not depend on where Postfix' buffers end."""
    whole = read(HEADER, body, strict=strict)

    assert whole is read(HEADER, body, strict=strict, step=step)


@thorough
@given(message, st.booleans(), st.sampled_from([b"", b"=aBc4\r\n"]), st.integers(1, 100))
def test_what_the_reference_passes_passes(
    content: bytes, strict: bool, tail: bytes, width: int
) -> None:
    """The filter refuses no message for being unusual inside."""
    body = encrypted(armour(content, tail=tail, width=width))
    passed = read(HEADER, body, strict=strict) is Content.ENCRYPTED

    assert reference.is_encrypted(body, BOUNDARY, strict=strict) == passed
