"""Structure of session key packets and of the start of encrypted data (RFC 9580 section 5).

A session key is valid if version, algorithm and the lengths of its fields fit, to the last byte.
No program writes other forms, and free text in their place would be readable in clear.
"""

from __future__ import annotations

from typing import Final

# bits of a number: from 1024-bit keys, whose results may be shorter, to the limit of GnuPG
_NUMBER_BITS: Final = range(960, 16_385)
_POINTS: Final = {  # first byte and length of a point (RFC 9580 section 11.2)
    (0x40, 33),  # Curve25519
    (0x40, 57),  # X448
    *((0x04, size) for size in (65, 97, 129, 133)),  # NIST and Brainpool curves
}
_BARE_POINTS: Final = frozenset({55, 56})  # GnuPG writes X448 without a prefix byte
# key length of each cipher in bytes; 64-bit blocks first (RFC 9580 section 9.3)
_KEY_BYTES: Final = {1: 16, 2: 24, 3: 16, 4: 16} | {
    **dict.fromkeys((7, 11), 16),
    **dict.fromkeys((8, 12), 24),
    **dict.fromkeys((9, 10, 13), 32),
}
# version 4: no key, or one byte for the cipher and the key
_ENCRYPTED_KEYS: Final = frozenset({0, *(1 + size for size in _KEY_BYTES.values())})
_AEAD_KEYS: Final = frozenset({16, 24, 32})
_AES: Final = frozenset({7, 8, 9})
_LARGE_BLOCKS: Final = frozenset(range(7, 14))  # ciphers that AEAD modes allow
_NONCE_BYTES: Final = {1: 16, 2: 15, 3: 12}  # bytes for each AEAD mode (RFC 9580 section 9.6)
_TAG_BYTES: Final = 16
_HASHES: Final = frozenset({1, 2, 3, 8, 9, 10, 11, 12, 14})  # RFC 9580 section 9.5
_S2K_BYTES: Final = {0: 2, 1: 10, 3: 11, 4: 20}  # RFC 9580 section 3.7.1
_ARGON2: Final = 4
_ARGON2_MEMORY: Final = range(3, 32)  # exponent
# AES key wrap adds 8 bytes; ECDH wraps algorithm, key, checksum and padding
_WRAPPED: Final = frozenset({24, 32, 40})
_WRAPPED_ECDH: Final = frozenset({32, 40, 48})
# bytes of ephemeral key and ciphertext (RFC 9580 sections 5.1.6 and 5.1.7; draft-ietf-openpgp-pqc)
_FIXED: Final = {25: 32, 26: 56, 35: 32 + 1088, 36: 56 + 1568}
_RSA: Final = frozenset({1, 2})
_KYBER, _ELGAMAL, _ECDH = 8, 16, 18
_KYBER_CIPHERTEXTS: Final = frozenset({1088, 1568})
_FINGERPRINTS: Final = frozenset({b"\x15\x04", b"\x21\x06"})  # length and version of a fingerprint
_V2_HEAD: Final = 36  # version, cipher, mode, chunk size, salt
_MAX_CHUNK_SIZE: Final = 16
# bytes of the smallest literal packet; version 1 adds prefix and MDC, version 2 two AEAD tags
_MIN_TEXT: Final = 8
_MIN_V1: Final = 1 + 10 + _MIN_TEXT + 22
_MIN_V2: Final = _V2_HEAD + _MIN_TEXT + 2 * _TAG_BYTES

MARKER_BODY: Final = b"PGP"  # RFC 9580 section 5.8
# two numbers of 16,384 bits and the fields before them
MAX_BODY_BYTES: Final = 4200


def is_for_public_key(body: bytes) -> bool:
    """Whether a body is a public-key session key, version 3 or 6 (RFC 9580 section 5.1)."""
    if body[:1] == b"\x03":
        return len(body) > 10 and _is_asymmetric(body[9], body[10:], version=3)
    if body[:1] != b"\x06" or len(body) < 3:
        return False
    named = body[1]  # bytes of the key's version and fingerprint; none for an anonymous recipient
    if named and body[1:3] not in _FINGERPRINTS:
        return False
    at = 2 + named
    return len(body) > at + 1 and _is_asymmetric(body[at], body[at + 1 :], version=6)


def is_for_passphrase(body: bytes) -> bool:
    """Whether a body is a passphrase session key, version 4, 5 or 6 (RFC 9580 section 5.3).

    Version 5 is from GnuPG (LibrePGP).
    """
    version = body[0] if len(body) > 2 else 0
    if version == 4:
        s2k = _s2k_bytes(body[2:])
        return s2k > 0 and body[1] in _KEY_BYTES and len(body) - 2 - s2k in _ENCRYPTED_KEYS
    if version not in (5, 6) or len(body) < 6:
        return False
    # version 6 has two length fields: for the five fields before the key, and for the S2K
    cipher, mode = body[1:3] if version == 5 else body[2:4]
    s2k_at, nonce = (3 if version == 5 else 5), _NONCE_BYTES.get(mode, 0)
    s2k = _s2k_bytes(body[s2k_at:])
    if version == 6 and body[1::3][:2] != bytes([3 + s2k + nonce, s2k]):
        return False
    key = len(body) - s2k_at - s2k - nonce - _TAG_BYTES
    return s2k > 0 and nonce > 0 and cipher in _LARGE_BLOCKS and key in _AEAD_KEYS


def is_protected_data(head: bytes, size: int | None) -> bool:
    """Whether encrypted data has a valid start, version 1 or 2 (RFC 9580 section 5.13).

    `head` is its first four bytes, `size` its length in bytes, None for partial lengths (of which
    the first has 512 bytes or more).
    """
    if head[:1] == b"\x01":
        return size is None or size >= _MIN_V1
    return (
        len(head) == 4
        and head[0] == 2
        and head[1] in _LARGE_BLOCKS
        and head[2] in _NONCE_BYTES
        and head[3] <= _MAX_CHUNK_SIZE
        and (size is None or size >= _MIN_V2)
    )


def _is_asymmetric(algorithm: int, fields: bytes, *, version: int) -> bool:
    if algorithm in _FIXED:
        return _is_wrapped(fields[_FIXED[algorithm] :], version=version)
    if algorithm in _RSA:
        return _are_numbers(fields, 1, version=version)
    if algorithm == _ECDH:
        point, rest = _number(fields, version=version)
        return _is_point(point) and len(rest) - 1 in _WRAPPED_ECDH and rest[0] == len(rest) - 1
    if version == 3 and algorithm == _ELGAMAL:
        return _are_numbers(fields, 2, version=version)
    return version == 3 and algorithm == _KYBER and _is_kyber(fields)


def _is_wrapped(fields: bytes, *, version: int) -> bool:
    """Whether the fields are a length, the cipher (version 3 only) and a wrapped key."""
    if len(fields) < 2 or fields[0] != len(fields) - 1:
        return False
    if version == 6:
        return fields[0] in _WRAPPED
    return fields[1] in _AES and len(fields) - 2 == _KEY_BYTES[fields[1]] + 8


def _is_kyber(fields: bytes) -> bool:
    """Whether the fields are a Kyber key of GnuPG (LibrePGP): point, ciphertext, wrapped key."""
    point, rest = _number(fields, version=3)
    ciphertext = int.from_bytes(rest[:4], "big")
    wrapped = rest[4 + ciphertext :]
    return (
        (_is_point(point) or len(point) == _FIXED[25])
        and ciphertext in _KYBER_CIPHERTEXTS
        and len(wrapped) > 2
        and wrapped[0] in _AES
        and wrapped[1] == len(wrapped) - 2 == _KEY_BYTES[wrapped[0]] + 8
    )


def _is_point(point: bytes) -> bool:
    return bool(point) and ((point[0], len(point)) in _POINTS or len(point) in _BARE_POINTS)


def _are_numbers(fields: bytes, count: int, *, version: int) -> bool:
    """Whether the fields are exactly `count` multiprecision integers of a public key."""
    for _ in range(count):
        number, rest = _number(fields, version=version)
        if int.from_bytes(fields[:2], "big") not in _NUMBER_BITS or not number:
            return False
        fields = rest
    return not fields


def _number(fields: bytes, *, version: int) -> tuple[bytes, bytes]:
    """A multiprecision integer and the rest of the fields; both empty if its length is wrong.

    Version 6 forbids leading zero bits (RFC 9580 section 3.2). Version 3 allows them up to a full
    byte, because the Go library wrote them.
    """
    bits = int.from_bytes(fields[:2], "big")
    end = 2 + (bits + 7) // 8
    number = fields[2:end]
    if not bits or len(fields) < end:
        return b"", b""
    is_exact = number[0].bit_length() == (bits - 1) % 8 + 1
    is_right = is_exact or (version == 3 and bits % 8 == 0)
    return (number, fields[end:]) if is_right else (b"", b"")


def _s2k_bytes(fields: bytes) -> int:
    """Length in bytes of an S2K specifier; 0 if it is unknown (RFC 9580 section 3.7.1)."""
    kind = fields[0] if fields else -1
    size = _S2K_BYTES.get(kind, 0)
    if len(fields) < size or not size:
        return 0
    if kind == _ARGON2:
        passes, lanes, memory = fields[17:20]
        return size if passes and lanes and memory in _ARGON2_MEMORY else 0
    return size if fields[1] in _HASHES else 0
