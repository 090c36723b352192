"""Rule E1 against the reference implementation, with generated messages."""

import base64
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import TypeVar

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chatmaild.filter.content import Content
from chatmaild.filter.mime.headers import Header
from chatmaild.filter.mime.multipart import Multipart
from chatmaild.filter.openpgp.packets import PacketReader

from .support import messages, reference
from .support.messages import (
    BEGIN,
    CLOSE,
    CONTROL,
    DATA_TYPE,
    END,
    SESSION_KEY,
    armour,
    encrypted,
    length,
    packets,
    part,
    read,
)

BOUNDARY = b"=-cut"
HEADER = [Header(b"Content-Type", b' multipart/encrypted; boundary="=-cut"')]
SLOW_S = 2.0
T = TypeVar("T")
thorough = settings(
    max_examples=700, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)

short_bytes = st.binary(max_size=40)


def mostly(good: T, *others: T) -> st.SearchStrategy[T]:
    """Mostly the first value, so that a message of many choices can still be valid."""
    return st.sampled_from([good] * 6 + list(others))


version = mostly(b"\x01", b"\x00")
# valid bodies by packet type; other types have any content
GOOD: dict[int, list[bytes]] = defaultdict(lambda: [b""])
GOOD[1] = [
    SESSION_KEY,
    b"\x06\x00\x19" + bytes(32) + b"\x28" + bytes(40),
    b"\x06\x21\x06" + bytes(32) + b"\x19" + bytes(32) + b"\x28" + bytes(40),
    b"\x03" + bytes(8) + b"\x01\x03\xff\x40" + bytes(127),
    b"\x03" + bytes(8) + b"\x12\x01\x07\x40" + bytes(32) + b"\x30" + bytes(48),
]
GOOD[3] = [
    b"\x04\x09\x03\x08" + bytes(9),
    b"\x04\x09\x00\x08",
    b"\x06\x1d\x09\x02\x0b\x03\x08" + bytes(9 + 15 + 32 + 16),
]
GOOD[10] = [b"PGP"]
GOOD[18] = [b"\x01" + bytes(40), b"\x02\x09\x02\x06" + bytes(72), b"\x01" + bytes(300)]


@st.composite
def damaged_body(draw: st.DrawFn, kind: int) -> bytes:
    """A valid body with one byte changed, truncated, or with a byte appended."""
    body = draw(st.sampled_from(GOOD[kind]))
    at, byte = draw(st.integers(0, len(body))), draw(st.binary(max_size=1))
    return draw(st.sampled_from([body[:at] + byte + body[at + 1 :], body[:at], body + byte]))


@st.composite
def packet(draw: st.DrawFn, kinds: tuple[int, ...]) -> bytes:
    """A packet in one of its formats, rarely with a wrong length."""
    kind = draw(mostly(*kinds))
    content = draw(st.one_of(st.sampled_from(GOOD[kind]), damaged_body(kind), short_bytes))
    size = len(content) + draw(mostly(0, 1, -1))
    form = draw(st.sampled_from(["short", "long", "old", "pieces", "unfinished", "endless"]))
    if form == "old" and kind < 16:
        return bytes([0x80 | kind << 2]) + bytes([max(0, size)]) + content
    if form == "endless" and kind < 16:
        return bytes([0x83 | kind << 2]) + content
    tag = bytes([0xC0 | kind])
    if form in ("pieces", "unfinished"):
        powers = [draw(mostly(9, 10, 8)), *draw(st.lists(st.integers(0, 10), max_size=2))]
        cut = b"".join(bytes([224 + power]) + bytes(1 << power) for power in powers)
        tag += cut[:1] + draw(version) + cut[2:]
        if form == "unfinished":
            return tag
    if form == "long":
        return tag + b"\xff" + max(0, size).to_bytes(4, "big") + content
    return tag + length(max(0, size)) + content


valid = st.tuples(
    st.lists(
        st.sampled_from(
            [messages.packet(kind, body) for kind in (1, 3, 10) for body in GOOD[kind]]
        ),
        max_size=4,
    ).map(b"".join),
    st.sampled_from([messages.packet(18, body) for body in GOOD[18]]),
).map(b"".join)
message = st.one_of(
    valid,
    st.tuples(
        st.lists(packet(kinds=(1, 3, 10, 18, 2, 11, 0)), max_size=3).map(b"".join),
        packet(kinds=(18, 1, 9, 11)),
        mostly(b"", b"x", b"\xd2", b"\xd2\x00", b"\xcb\x05Hello"),
    ).map(b"".join),
    st.tuples(st.lists(packet(kinds=(1, 18)), max_size=3).map(b"".join), short_bytes).map(b"".join),
    short_bytes,
)
piece = st.sampled_from(
    [
        b"--=-cut", b"--=-cut\r\n", CLOSE, b"\r\n", b"\r", b"\n", b" ", b"=", b"-", b"--", b"Hello",
        BEGIN, END, DATA_TYPE, CONTROL, b"Version: 1", b"Version: x\r\n", b"\r\n\r\n", b"\0",
        b"Content-Type: text/plain\r\n", b"Content-Transfer-Encoding: base64\r\n", b"=aBc4\r\n",
        armour(packets()), encrypted(), base64.b64encode(packets()),
    ]
)  # fmt: skip


HEADS = [
    *(b"Version: GnuPG v2\r\n", b"Comment: https://x.example\r\n", b"charset: utf-8 \r\n"),
    *(b"Version: x\r\n", b"X: y\n", b"X:\r\n", b"X:y\r\n", b"Comment: a\0b\r\n", b"Hello\r\n"),
]
NOTES = [
    *(b"This is a multi-part message in MIME format.\r\n", b"This is a ", b"Hello\r\n"),
    *(b"This is an OpenPGP/MIME encrypted message (RFC 4880 and 3156)\r\n", b" \r\n", b"\0"),
]


@st.composite
def armoured(draw: st.DrawFn, content: bytes) -> bytes:
    """Armour with variants of headers, line ends and tail."""
    text = base64.b64encode(content)
    width = draw(mostly(64, 4, 7, 1, 1000))
    end = draw(mostly(b"\r\n", b"", b"\n", b"\r", b"\r\n\r\n", b" \r\n"))
    lines = b"\r\n".join(text[at : at + width] for at in range(0, len(text), width))
    tail = draw(
        mostly(b"", b"=aBc4\r\n", b"=aBc\r\n", b"aBc4\r\n", b"=aBc4", b"=\r\n", b"==\r\n", b"-")
    )
    head = draw(st.lists(st.sampled_from(HEADS), max_size=6).map(b"".join)) + draw(
        mostly(b"\r\n", b"", b"\r\n\r\n", b" \r\n", b"\n", b"\t\r\n \r\n")
    )
    begin = draw(mostly(BEGIN, BEGIN.replace(b"\r", b" \r"), b"\r\n" + BEGIN, b" \n" + BEGIN))
    after = draw(mostly(b"", b"\r\n", b"\r\n\r\n", b"\n", b" ", b"x", BEGIN))
    return begin + head + lines + end + tail + END + after


@st.composite
def body(draw: st.DrawFn) -> bytes:
    """A body whose parts are mostly valid, in different forms."""
    data = draw(armoured(draw(message)))
    encoding = draw(mostly(b"", b"base64", b"quoted-printable", b"8bit", b"x-unknown"))
    if encoding == b"base64":
        joint = draw(mostly(len(data), 1, 2, 100, 400))  # in two texts, one with padding inside
        halves = (base64.encodebytes(half) for half in (data[:joint], data[joint:]))
        data = b"".join(halves).replace(b"\n", draw(mostly(b"\r\n", b"")))
    elif encoding == b"quoted-printable":
        data = data.replace(b"=", b"=3D")
    header = DATA_TYPE + (b"\r\nContent-Transfer-Encoding: " + encoding if encoding else b"")
    between = mostly(
        b"", *NOTES, b"\r\n", b"Hello\r\n", CLOSE, b"--=-cut\r\n", b"--=-cutter\r\n", CONTROL
    )
    joints = [draw(between) for _ in range(4)]
    parts = [
        draw(mostly(CONTROL, part(DATA_TYPE, b"Version: 1"), CONTROL.replace(b": 1", b": 2"))),
        part(draw(mostly(header, header.replace(b"octet-stream", b"pgp"), b"X")), data),
        draw(mostly(CLOSE, b"", b"--=-cut\r\n", CLOSE + CLOSE, CLOSE.rstrip(), b"--=-cut- -\r\n")),
    ]
    return joints[0] + parts[0] + joints[1] + parts[1] + joints[2] + parts[2] + joints[3]


@st.composite
def damaged(draw: st.DrawFn, text: bytes) -> bytes:
    """`text` with pieces removed, inserted or replaced."""
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.one_of(st.just(start), st.integers(start, min(len(text), start + 30))))
        text = text[:start] + draw(st.one_of(st.just(b""), piece, short_bytes)) + text[end:]
    return text


bodies = st.one_of(
    body(),
    body().flatmap(damaged),
    damaged(encrypted(armour(packets(), tail=b"=aBc4\r\n"))),
    st.lists(piece, max_size=12).map(b"".join),
)


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
@given(message, st.lists(st.integers(1, 50), min_size=1, max_size=4))
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
    started_s = time.process_time()
    passed = read(HEADER, body, strict=strict, step=step) is Content.ENCRYPTED

    assert reference.is_encrypted(body, BOUNDARY, strict=strict) or not passed
    assert time.process_time() - started_s < SLOW_S


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
