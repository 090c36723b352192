"""Rule E1: structure of session keys and of the start of encrypted data (RFC 9580)."""

import base64

import pytest

from chatmaild.filter.openpgp.packets import PacketReader

from ..support import reference
from ..support.messages import MIN_DATA, packet

ANONYMOUS = bytes(8)
NAMED = bytes(range(8, 16))
DATA = packet(18, b"\x01" + bytes(MIN_DATA - 1))
X25519 = bytes(32) + b"\x29\x09" + bytes(40)
X448 = bytes(56) + b"\x19\x07" + bytes(24)
ML_KEM_768 = bytes(32 + 1088) + b"\x29\x09" + bytes(40)
ML_KEM_1024 = bytes(56 + 1568) + b"\x29\x09" + bytes(40)
SALTED = b"\x01\x08" + bytes(8)
ITERATED = b"\x03\x08" + bytes(9)
ARGON2 = b"\x04" + bytes(16) + b"\x01\x04\x15"
TEXT = b"Meet me at the old mill at noon, and bring the papers with you. "


def mpi(bits: int, first: int = 0) -> bytes:
    """A multiprecision integer of that many bits; `first` replaces its first byte."""
    size = (bits + 7) // 8
    least = 1 << (bits - 1) % 8
    return bits.to_bytes(2, "big") + bytes([first or least]) + b"\x5a" * (size - 1)


def v3(algorithm: int, fields: bytes, key_id: bytes = ANONYMOUS) -> bytes:
    """A session key of version 3 (section 5.1.1)."""
    return packet(1, b"\x03" + key_id + bytes([algorithm]) + fields)


def v6(algorithm: int, fields: bytes, key: bytes = b"") -> bytes:
    """A session key of version 6 (section 5.1.2); `key` is version and fingerprint."""
    return packet(1, b"\x06" + bytes([len(key)]) + key + bytes([algorithm]) + fields)


def point(first: int, size: int) -> bytes:
    """A point of an elliptic curve."""
    return mpi(first.bit_length() + 8 * (size - 1), first)


def wrapped(size: int) -> bytes:
    """A wrapped key with its length."""
    return bytes([size]) + bytes(size)


def is_message(content: bytes) -> bool:
    """Whether the reader accepts `content`; the reference must agree."""
    text = base64.b64encode(content)
    bare = text.rstrip(b"=")
    reader = PacketReader()
    for at in range(0, len(bare), 50):
        reader.feed(bare[at : at + 50])
    passed = reader.finish(len(text) - len(bare))

    assert reference.is_message(content) == passed
    return passed


@pytest.mark.parametrize(
    "key",
    [
        v3(1, mpi(2048)),
        v3(1, mpi(2047), NAMED),
        v3(2, mpi(3072)),
        v3(1, mpi(4090)),
        v3(1, mpi(16_384)),
        v3(
            1, (2048).to_bytes(2, "big") + b"\x01" + bytes(255)
        ),  # whole bytes, as the Go library wrote them
        v3(16, mpi(2046) + mpi(2048)),
        v3(18, point(0x40, 33) + wrapped(48)),
        v3(18, point(0x40, 33) + wrapped(32)),
        v3(18, point(0x40, 57) + wrapped(48)),
        v3(18, mpi(441) + wrapped(48)),  # X448 as GnuPG writes it
        v3(18, point(0x04, 65) + wrapped(40)),
        v3(18, point(0x04, 97) + wrapped(48)),
        v3(18, point(0x04, 133) + wrapped(48)),
        v3(18, point(0x04, 129) + wrapped(48)),
        v3(25, X25519),
        v3(25, X25519, NAMED),
        v3(26, X448),
        v3(35, ML_KEM_768),
        v3(36, ML_KEM_1024),
        v3(8, point(0x40, 33) + (1088).to_bytes(4, "big") + bytes(1088) + b"\x09" + wrapped(40)),
        v3(8, mpi(448) + (1568).to_bytes(4, "big") + bytes(1568) + b"\x09" + wrapped(40)),
        v6(25, bytes(32) + wrapped(40)),
        v6(25, bytes(32) + wrapped(40), b"\x06" + bytes(32)),
        v6(26, bytes(56) + wrapped(24), b"\x04" + bytes(20)),
        v6(35, bytes(32 + 1088) + wrapped(40), b"\x06" + bytes(32)),
        v6(36, bytes(56 + 1568) + wrapped(40), b"\x06" + bytes(32)),
        v6(1, mpi(4096), b"\x06" + bytes(32)),
        v6(18, point(0x04, 97) + wrapped(40)),
        packet(3, b"\x04\x09\x00\x08"),
        packet(3, b"\x04\x07" + SALTED),
        packet(3, b"\x04\x09" + ITERATED),
        packet(3, b"\x04\x09" + ITERATED + bytes(33)),
        packet(3, b"\x04\x03" + ITERATED + bytes(17)),
        packet(3, b"\x04\x09" + ARGON2),
        packet(3, b"\x05\x09\x02" + ITERATED + bytes(15 + 32 + 16)),
        packet(3, b"\x06\x1d\x09\x02\x0b" + ITERATED + bytes(15 + 32 + 16)),
        packet(3, b"\x06\x1c\x07\x02\x0a" + SALTED + bytes(15 + 16 + 16)),
        packet(3, b"\x06\x23\x09\x03\x14" + ARGON2 + bytes(12 + 32 + 16)),
        packet(3, b"\x06\x1e\x08\x01\x0b" + ITERATED + bytes(16 + 24 + 16)),
    ],
)
def test_every_known_form_passes(key: bytes) -> None:
    """RFC 9580, older RFCs and drafts."""
    assert is_message(key + DATA)
    assert is_message(key * 3 + DATA)


@pytest.mark.parametrize(
    "key",
    [
        packet(1, b""),
        packet(3, b""),
        packet(1, b"\x03"),
        packet(1, TEXT),
        packet(3, TEXT),
        packet(1, b"\x03" + TEXT * 4),
        packet(1, b"\x03" + bytes(83)),
        packet(1, b"\x02" + bytes(8) + b"\x01" + mpi(2048)),
        packet(1, b"\x04" + bytes(8) + b"\x19" + X25519),
        packet(1, b"\x05" + bytes(8) + b"\x19" + X25519),
        *(v3(algorithm, TEXT * 4) for algorithm in range(256)),
        *(v6(algorithm, TEXT * 4) for algorithm in (1, 2, 16, 18, 25, 26, 35, 36)),
        v3(3, mpi(2048)),
        v3(1, b""),
        v3(1, mpi(2048)[:-1]),
        v3(1, mpi(2048) + b"x"),
        v3(1, mpi(2048) + mpi(2048)),
        v3(1, mpi(2041, 0xFF)),
        v3(1, mpi(2047, 0x3F)),
        v3(1, mpi(64)),
        v3(1, mpi(16_385)),
        v3(16, mpi(2048)),
        v3(16, mpi(2048) * 3),
        v3(18, point(0x41, 33) + wrapped(48)),
        v3(18, point(0x40, 34) + wrapped(48)),
        v3(18, point(0x04, 64) + wrapped(48)),
        v3(18, point(0x40, 33) + wrapped(47)),
        v3(18, point(0x40, 33) + wrapped(200)),
        v3(18, point(0x40, 33) + wrapped(48) + b"x"),
        v3(18, point(0x40, 33)),
        v3(18, mpi(256) + wrapped(48)),
        v3(25, X25519 + b"x"),
        v3(25, X25519[:-1]),
        v3(25, bytes(32)),
        v3(25, bytes(32) + b"\x29\x07" + bytes(40)),
        v3(25, bytes(32) + b"\x29\x02" + bytes(40)),
        v3(25, bytes(32) + b"\x21\x09" + bytes(32)),
        v3(25, bytes(32) + wrapped(40)),
        v3(35, X25519),
        v3(36, ML_KEM_768),
        v3(8, ML_KEM_768),
        v3(8, point(0x40, 33) + (1000).to_bytes(4, "big") + bytes(1000) + b"\x09" + wrapped(40)),
        v6(25, X25519),
        v6(25, bytes(32) + wrapped(40), b"\x05" + bytes(32)),
        v6(25, bytes(32) + wrapped(40), b"\x06" + bytes(20)),
        v6(25, bytes(32) + wrapped(40), TEXT[:32]),
        v6(1, (2048).to_bytes(2, "big") + b"\x01" + bytes(255)),
        v6(16, mpi(2048) * 2),
        v6(8, point(0x40, 33) + (1088).to_bytes(4, "big") + bytes(1088) + b"\x09" + wrapped(40)),
        packet(1, b"\x06\x00"),
        packet(1, b"\x06\x21\x06" + bytes(32)),
        packet(3, b"\x03\x09" + ITERATED),
        packet(3, b"\x04\x00" + ITERATED),
        packet(3, b"\x04\x05" + ITERATED),
        packet(3, b"\x04\x09\x02\x08" + bytes(9)),
        packet(3, b"\x04\x09\x03\x00" + bytes(9)),
        packet(3, b"\x04\x09\x65" + bytes(15)),
        packet(3, b"\x04\x09" + ITERATED + bytes(16)),
        packet(3, b"\x04\x09" + ITERATED + TEXT),
        packet(3, b"\x04\x09" + ARGON2[:-1]),
        packet(3, b"\x04\x09" + ARGON2[:-1] + b"\x20"),
        packet(3, b"\x05\x09\x02" + ITERATED + bytes(15 + 32 + 15)),
        packet(3, b"\x05\x02\x02" + ITERATED + bytes(15 + 24 + 16)),
        packet(3, b"\x06\x1c\x09\x02\x0b" + ITERATED + bytes(15 + 32 + 16)),
        packet(3, b"\x06\x1d\x09\x02\x0a" + ITERATED + bytes(15 + 32 + 16)),
        packet(3, b"\x06\x1d\x09\x04\x0b" + ITERATED + bytes(15 + 32 + 16)),
        packet(3, b"\x06\x1d\x09\x02\x0b" + ITERATED + TEXT * 2),
        packet(1, b"\x03" + ANONYMOUS + b"\x01" + mpi(65_535)),
    ],
)
def test_other_forms_are_refused(key: bytes) -> None:
    """Text, other algorithms, wrong lengths, trailing bytes."""
    assert not is_message(key + DATA)
    assert not is_message(v3(25, X25519) + key + DATA)


@pytest.mark.parametrize(
    ("body", "passes"),
    [
        (b"\x01" + bytes(40), True),
        (b"\x01" + bytes(39), False),
        (b"\x02\x09\x02\x06" + bytes(32 + 8 + 32), True),
        (b"\x02\x07\x03\x10" + bytes(5000), True),
        (b"\x02\x09\x01\x00" + bytes(32 + 8 + 32), True),
        (b"\x02\x09\x02\x06" + bytes(32 + 7 + 32), False),
        (b"\x02\x09\x00\x06" + bytes(100), False),
        (b"\x02\x09\x04\x06" + bytes(100), False),
        (b"\x02\x02\x02\x06" + bytes(100), False),
        (b"\x02\x09\x02\x11" + bytes(100), False),
        (b"\x02", False),
        (b"\x00" + bytes(100), False),
        (b"\x03" + bytes(100), False),
        (TEXT * 2, False),
    ],
)
def test_data_needs_a_valid_version(body: bytes, passes: bool) -> None:
    """Version 1 or 2, large enough, with a known mode (RFC 9580 section 5.13)."""
    assert is_message(v3(25, X25519) + packet(18, body)) is passes


@pytest.mark.parametrize(
    ("head", "passes"),
    [
        (b"\x01", True),
        (b"\x02\x09\x02\x06", True),
        (b"\x02\x09\x02\x11", False),
        (b"\x03", False),
        (TEXT, False),
    ],
)
def test_data_with_partial_lengths_needs_a_valid_version(head: bytes, passes: bool) -> None:
    """The same for partial lengths (RFC 9580 section 4.2.1.4)."""
    in_pieces = b"\xd2" + bytes([224 + 9]) + (head + bytes(512))[:512] + b"\x03abc"

    assert is_message(v3(25, X25519) + in_pieces) is passes
