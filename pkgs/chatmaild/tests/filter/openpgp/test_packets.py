"""Rule E1: session keys, then one packet of encrypted data, and nothing after it."""

import base64

import pytest

from chatmaild.filter.openpgp.packets import PacketReader

from ...timing import is_quick
from ..support.messages import MIN_DATA, SESSION_KEY, length, packet, packets

KEY = packet(1, SESSION_KEY)
# version 4, AES-256, derived by SHA-256 from a salt (RFC 9580 section 5.3.1)
PASSPHRASE = b"\x04\x09\x03\x08" + bytes(9)
PASSWORD = packet(3, PASSPHRASE)
MARKER = packet(10, b"PGP")
DATA = packet(18, b"\x01" + bytes(49))


def is_message(content: bytes, step: int = 1000) -> bool:
    """Whether the reader accepts `content`, fed as base64 in pieces."""
    text = base64.b64encode(content)
    bare = text.rstrip(b"=")
    reader = PacketReader()
    for at in range(0, len(bare), step):
        reader.feed(bare[at : at + step])
    return reader.finish(len(text) - len(bare))


def old(kind: int, body: bytes, size_bytes: int) -> bytes:
    """A packet of the old format with a length of `size_bytes` bytes."""
    return (
        bytes([0x80 | kind << 2 | size_bytes.bit_length() - 1])
        + len(body).to_bytes(size_bytes, "big")
        + body
    )


def pieces(*sizes: int, last: int = 10) -> bytes:
    """Encrypted data with partial lengths, given as powers of two."""
    cut = b"".join(bytes([224 + size]) + bytes(1 << size) for size in sizes)
    return b"\xd2" + cut[:1] + b"\x01" + cut[2:] + length(last) + bytes(last)


@pytest.mark.parametrize(
    "content",
    [
        DATA,
        KEY + DATA,
        PASSWORD + DATA,
        KEY * 30 + PASSWORD + DATA,
        old(1, SESSION_KEY, 1) + DATA,
        old(1, SESSION_KEY, 2) + DATA,
        old(3, PASSPHRASE, 4) + DATA,
        KEY + packet(18, b"\x01" + bytes(190)),
        KEY + packet(18, b"\x01" + bytes(191)),
        KEY + packet(18, b"\x01" + bytes(8382)),
        KEY + packet(18, b"\x01" + bytes(8383)),
        KEY + b"\xd2\xff\x00\x00\x00\x29\x01" + bytes(40),
        KEY + packet(18, b"\x01" + bytes(MIN_DATA - 1)),
        KEY + pieces(9),
        KEY + pieces(9, 9, 16, last=0),
        KEY + pieces(9, 0, 1, 2, 3),
        MARKER + KEY + DATA,
        old(10, b"PGP", 1) + KEY + DATA,
    ],
)
@pytest.mark.parametrize("step", [1, 2, 3, 4, 5, 1000])
def test_messages_pass(content: bytes, step: int) -> None:
    """With every format of packet lengths."""
    assert is_message(content, step)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        KEY,
        KEY + DATA[:-1],
        KEY + DATA + b"x",
        KEY + DATA + DATA,
        DATA + KEY,
        KEY + DATA + packet(11, b"Hello"),
        packet(11, b"Hello") + DATA,
        packet(2, b"signature") + DATA,
        packet(9, bytes(50)),
        packet(10, b"PGP!") + KEY + DATA,
        packet(10, b"Hey") + KEY + DATA,
        packet(20, b"\x01" + bytes(49)),
        packet(21, bytes(50)) + KEY + DATA,
        KEY + packet(18, b""),
        KEY + packet(18, bytes(50)),
        KEY + packet(18, b"\x01" + bytes(MIN_DATA - 2)),
        KEY + pieces(8),  # the first piece has at least 512 bytes
        KEY + packet(0, bytes(50)),
        KEY + old(9, bytes(50), 1),
        KEY + old(18 & 15, bytes(50), 1),
        KEY + bytes([0x80 | 1 << 2 | 3]) + bytes(50),  # no length: until the end
        b"Hello, this is no packet at all, but text",
        KEY[:1],
        KEY + b"\xd2",
        KEY + b"\xd2\xc0",
        KEY + b"\xd2\xff\x00\x00",
        KEY + b"\xd2\xff\xff\xff\xff\xff\x01" + bytes(50),
        KEY + b"\xd2" + bytes([224 + 9]) + b"\x01" + bytes(511),  # the last piece is missing
        KEY + b"\xd2" + bytes([224 + 9]) + b"\x01" + bytes(510),
        KEY + pieces(9) + b"x",
        b"\xc1"
        + bytes([224 + 9])
        + bytes(512)
        + b"\x00"
        + DATA,  # partial lengths are for data only
        KEY + b"\xd2" + bytes([224 + 30]) + b"\x01" + bytes(50),
    ],
)
@pytest.mark.parametrize("step", [1, 4, 1000])
def test_other_packets_are_refused(content: bytes, step: int) -> None:
    """Truncated messages, trailing data, other packet types."""
    assert not is_message(content, step)


@pytest.mark.parametrize("size_bytes", [98, 99, 100])
def test_padding_must_fit(size_bytes: int) -> None:
    """Base64 with wrong padding decodes to other bytes."""
    text = base64.b64encode(packets(size_bytes))
    bare = text.rstrip(b"=")
    readers = [PacketReader() for _ in range(3)]
    for reader in readers:
        reader.feed(bare)
    passed = [reader.finish(padding) for padding, reader in enumerate(readers)]

    assert [len(text) - len(bare) == padding for padding in range(3)] == passed


def test_many_tiny_pieces_are_refused_early() -> None:
    """30 MB of one-byte pieces would take seconds; no program writes them."""
    content = KEY + pieces(9)[: 2 + 512] + b"\xe0\x00" * 11_000_000

    assert not is_message(content, step=65_535)
    assert is_quick(lambda: is_message(content, step=65_535), 2)


@pytest.mark.parametrize(
    "key", [b"\xc1\x00", b"\xc3\x00", b"\xc1\x01\x03", b"\xc3\x04\x04\x09\x00\x08", MARKER, KEY]
)
def test_many_session_keys_are_refused_early(key: bytes) -> None:
    """30 MB: the first malformed key or their number ends the check."""
    content = key * (22_500_000 // len(key)) + DATA

    assert not is_message(content, step=65_535)
    assert is_quick(lambda: is_message(content, step=65_535), 2)


def test_a_message_has_ten_thousand_session_keys_at_most() -> None:
    """Ten keys for each of 1000 recipients."""
    assert is_message(KEY * 10_000 + DATA, step=65_535)
    assert not is_message(KEY * 10_001 + DATA, step=65_535)


def test_many_tiny_session_keys_are_refused() -> None:
    """10,000 keys of six bytes would delay all sessions for 0.1 s; no program writes them."""
    tiny = b"\xc3\x04\x04\x07\x00\x08"

    assert is_message(tiny * 64 + DATA)
    assert not is_message(tiny * 80 + DATA)
    assert is_message(KEY * 9_000 + tiny * 64 + DATA, step=65_535)
