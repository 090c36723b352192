"""Generated packets, armour and bodies, mostly valid, from a tape."""

import base64
from collections import defaultdict
from collections.abc import Sequence

from . import messages
from .messages import (
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
)
from .tape import Tape

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
# packets that may precede the encrypted data, and that data
BEFORE = [messages.packet(kind, content) for kind in (1, 3, 10) for content in GOOD[kind]]
DATA = [messages.packet(18, content) for content in GOOD[18]]
FORMATS = ["short", "long", "old", "pieces", "unfinished", "endless"]
SHORT_BYTES = 40
PIECES = [
    b"--=-cut", b"--=-cut\r\n", CLOSE, b"\r\n", b"\r", b"\n", b" ", b"=", b"-", b"--", b"Hello",
    BEGIN, END, DATA_TYPE, CONTROL, b"Version: 1", b"Version: x\r\n", b"\r\n\r\n", b"\0",
    b"Content-Type: text/plain\r\n", b"Content-Transfer-Encoding: base64\r\n", b"=aBc4\r\n",
    armour(packets()), encrypted(), base64.b64encode(packets()),
]  # fmt: skip
HEADS = [
    *(b"Version: GnuPG v2\r\n", b"Comment: https://x.example\r\n", b"charset: utf-8 \r\n"),
    *(b"Version: x\r\n", b"X: y\n", b"X:\r\n", b"X:y\r\n", b"Comment: a\0b\r\n", b"Hello\r\n"),
]
NOTES = [
    *(b"This is a multi-part message in MIME format.\r\n", b"This is a ", b"Hello\r\n"),
    *(b"This is an OpenPGP/MIME encrypted message (RFC 4880 and 3156)\r\n", b" \r\n", b"\0"),
]
BETWEEN = [
    *(*NOTES, b"\r\n", b"Hello\r\n", CLOSE),
    *(b"--=-cut\r\n", b"--=-cutter\r\n", CONTROL),
]
WITH_CHECKSUM = encrypted(armour(packets(), tail=b"=aBc4\r\n"))


def message(tape: Tape) -> bytes:
    """An OpenPGP message: valid, nearly so, or any bytes."""
    kind = tape.number(3)
    if kind == 0:
        return tape.some(BEFORE, 4) + tape.choice(DATA)
    if kind == 1:
        first = b"".join(_packet(tape, (1, 3, 10, 18, 2, 11, 0)) for _ in range(tape.number(3)))
        last = _packet(tape, (18, 1, 9, 11))
        return first + last + tape.mostly(b"", b"x", b"\xd2", b"\xd2\x00", b"\xcb\x05Hello")
    if kind == 2:
        first = b"".join(_packet(tape, (1, 18)) for _ in range(tape.number(3)))
        return first + tape.any_bytes(SHORT_BYTES)
    return tape.any_bytes(SHORT_BYTES)


def body(tape: Tape) -> bytes:
    """A body: valid, nearly so, damaged, or of any pieces."""
    kind = tape.number(3)
    if kind == 0:
        return _body(tape)
    if kind == 1:
        return _damaged(tape, _body(tape))
    return _damaged(tape, WITH_CHECKSUM) if kind == 2 else tape.some(PIECES, 12)


def _packet(tape: Tape, kinds: Sequence[int]) -> bytes:
    """A packet in one of its formats, rarely with a wrong length."""
    kind = tape.mostly(*kinds)
    content = _packet_body(tape, kind)
    size = len(content) + tape.mostly(0, 1, -1)
    form = tape.choice(FORMATS)
    if form == "old" and kind < 16:
        return bytes([0x80 | kind << 2]) + bytes([max(0, size)]) + content
    if form == "endless" and kind < 16:
        return bytes([0x83 | kind << 2]) + content
    tag = bytes([0xC0 | kind])
    if form in ("pieces", "unfinished"):
        powers = [tape.mostly(9, 10, 8), *(tape.number(10) for _ in range(tape.number(2)))]
        cut = b"".join(bytes([224 + power]) + bytes(1 << power) for power in powers)
        tag += cut[:1] + tape.mostly(b"\x01", b"\x00") + cut[2:]
        if form == "unfinished":
            return tag
    if form == "long":
        return tag + b"\xff" + max(0, size).to_bytes(4, "big") + content
    return tag + length(max(0, size)) + content


def _packet_body(tape: Tape, kind: int) -> bytes:
    """A valid body, one with a byte changed, truncated, or with a byte appended, or any bytes."""
    form = tape.number(2)
    if form == 2:
        return tape.any_bytes(SHORT_BYTES)
    good = tape.choice(GOOD[kind])
    if form == 0:
        return good
    at, byte = tape.number(len(good)), tape.any_bytes(1)
    return tape.choice([good[:at] + byte + good[at + 1 :], good[:at], good + byte])


def _armoured(tape: Tape, content: bytes) -> bytes:
    """Armour with variants of headers, line ends and tail."""
    text = base64.b64encode(content)
    width = tape.mostly(64, 4, 7, 1, 1000)
    end = tape.mostly(b"\r\n", b"", b"\n", b"\r", b"\r\n\r\n", b" \r\n")
    lines = b"\r\n".join(text[at : at + width] for at in range(0, len(text), width))
    tail = tape.mostly(
        *(b"", b"=aBc4\r\n", b"=aBc\r\n", b"aBc4\r\n", b"=aBc4", b"=\r\n", b"==\r\n", b"-")
    )
    head = tape.some(HEADS, 6) + tape.mostly(
        *(b"\r\n", b"", b"\r\n\r\n", b" \r\n", b"\n", b"\t\r\n \r\n")
    )
    begin = tape.mostly(BEGIN, BEGIN.replace(b"\r", b" \r"), b"\r\n" + BEGIN, b" \n" + BEGIN)
    after = tape.mostly(b"", b"\r\n", b"\r\n\r\n", b"\n", b" ", b"x", BEGIN)
    return begin + head + lines + end + tail + END + after


def _body(tape: Tape) -> bytes:
    """A body whose parts are mostly valid, in different forms."""
    data = _armoured(tape, message(tape))
    encoding = tape.mostly(b"", b"base64", b"quoted-printable", b"8bit", b"x-unknown")
    if encoding == b"base64":
        joint = tape.mostly(len(data), 1, 2, 100, 400)  # in two texts, one with padding inside
        halves = (base64.encodebytes(half) for half in (data[:joint], data[joint:]))
        data = b"".join(halves).replace(b"\n", tape.mostly(b"\r\n", b""))
    elif encoding == b"quoted-printable":
        data = data.replace(b"=", b"=3D")
    header = DATA_TYPE + (b"\r\nContent-Transfer-Encoding: " + encoding if encoding else b"")
    joints = [tape.mostly(b"", *BETWEEN) for _ in range(4)]
    parts = [
        tape.mostly(CONTROL, part(DATA_TYPE, b"Version: 1"), CONTROL.replace(b": 1", b": 2")),
        part(tape.mostly(header, header.replace(b"octet-stream", b"pgp"), b"X"), data),
        tape.mostly(CLOSE, b"", b"--=-cut\r\n", CLOSE + CLOSE, CLOSE.rstrip(), b"--=-cut- -\r\n"),
    ]
    return joints[0] + parts[0] + joints[1] + parts[1] + joints[2] + parts[2] + joints[3]


def _damaged(tape: Tape, text: bytes) -> bytes:
    """`text` with pieces removed, inserted or replaced."""
    for _ in range(tape.number(3)):
        start = tape.number(len(text))
        end = start + tape.number(1) * tape.number(min(len(text) - start, 30))
        kind = tape.number(2)
        inserted = (
            tape.choice(PIECES) if kind == 1 else tape.any_bytes(SHORT_BYTES) if kind else b""
        )
        text = text[:start] + inserted + text[end:]
    return text


def _inserted(tape: Tape) -> bytes:
    kind = tape.number(2)
    if kind == 0:
        return b""
    return tape.choice(PIECES) if kind == 1 else tape.any_bytes(SHORT_BYTES)
