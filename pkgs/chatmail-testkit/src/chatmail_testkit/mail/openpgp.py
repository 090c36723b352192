"""OpenPGP messages of clients: encrypt, armour, and back.

One form only, RFC 9580: X25519 session key packets (section 5.1.6), then a version 1
integrity-protected data packet (section 5.13.1) around one literal data packet.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Iterator, Sequence

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

try:
    from cryptography.hazmat.decrepit.ciphers.modes import CFB
except ModuleNotFoundError:  # its place before version 47, as in NixOS and Debian
    from cryptography.hazmat.primitives.ciphers.modes import CFB

PKESK, SKESK, LITERAL, SEIPD, MDC = 1, 3, 11, 18, 19  # packet types, RFC 9580 section 5
_AES256, _X25519 = 9, 25
_HEADERS_BYTES = 900  # of a message around the armour
_BEGIN, _END = b"-----BEGIN PGP MESSAGE-----", b"-----END PGP MESSAGE-----"


def packet(kind: int, body: bytes) -> bytes:
    """Returns a packet with the new format header and a five-byte length (section 4.2.1)."""
    return bytes([0xC0 | kind, 0xFF]) + len(body).to_bytes(4, "big") + body


def packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yields type and body of packets as `packet` makes them."""
    while data:
        length = int.from_bytes(data[2:6], "big")
        yield data[0] & 0x3F, data[6 : 6 + length]
        data = data[6 + length :]


def filling(size_bytes: int) -> bytes:
    """Returns the packets of a message with random content of that size."""
    return packet(PKESK, unknown_session_key()) + packet(SEIPD, b"\x01" + os.urandom(size_bytes))


def unknown_session_key() -> bytes:
    """Returns the body of a session key packet with random content."""
    return _session_key_body(os.urandom(32), os.urandom(40))


def encrypt(plain: bytes, recipients: Sequence[X25519PublicKey]) -> bytes:
    """Returns the packets of a message that each of `recipients` can read."""
    session_key = os.urandom(32)
    keys = b"".join(_session_key_packet(session_key, recipient) for recipient in recipients)
    literal = packet(LITERAL, b"b\x00\x00\x00\x00\x00" + plain)
    prefix = os.urandom(16)
    protected = prefix + prefix[-2:] + literal + bytes([0xC0 | MDC, 20])
    protected += hashlib.sha1(protected).digest()
    encryptor = Cipher(AES(session_key), CFB(bytes(16))).encryptor()
    return keys + packet(SEIPD, b"\x01" + encryptor.update(protected) + encryptor.finalize())


def decrypt(data: bytes, key: X25519PrivateKey) -> bytes:
    """Returns the text of a message.

    Raises:
        ValueError: `key` opens none of its session keys, or the message was altered.
    """
    *key_packets, (_, body) = packets(data)
    session_key = next(filter(None, (_open(candidate, key) for _, candidate in key_packets)), None)
    if session_key is None:
        raise ValueError("not encrypted to this key")
    decryptor = Cipher(AES(session_key), CFB(bytes(16))).decryptor()
    protected = decryptor.update(body[1:]) + decryptor.finalize()
    if hashlib.sha1(protected[:-20]).digest() != protected[-20:]:
        raise ValueError("altered in transit")
    [(_, literal)] = packets(protected[18:-22])
    return literal[6:]


def armored_filling(message_bytes: int) -> bytes:
    """Returns armour with random content that makes a message of about that size."""
    return armor(filling(max(64, (message_bytes - _HEADERS_BYTES) * 3 // 4)))


def armor(data: bytes) -> bytes:
    """Returns ASCII armour with CRLF line ends and without a checksum (section 6)."""
    text = base64.b64encode(data)
    lines = [text[start : start + 76] for start in range(0, len(text), 76)]
    return b"\r\n".join([_BEGIN, b"", *lines, _END, b""])


def unarmor(text: bytes) -> bytes:
    """Returns the packets inside armour without a checksum, whatever headers it has."""
    inside = text.split(_BEGIN, 1)[1].split(_END, 1)[0]
    _, data = re.split(rb"\n[ \t]*\r?\n", inside, maxsplit=1)
    return base64.b64decode(b"".join(data.split()))


def _session_key_packet(session_key: bytes, recipient: X25519PublicKey) -> bytes:
    ephemeral = X25519PrivateKey.generate()
    wrapped = aes_key_wrap(
        _wrapping_key(ephemeral.public_key(), recipient, ephemeral.exchange(recipient)), session_key
    )
    return packet(PKESK, _session_key_body(ephemeral.public_key().public_bytes_raw(), wrapped))


def _session_key_body(ephemeral: bytes, wrapped: bytes) -> bytes:
    anonymous = bytes(8)
    fields = ephemeral + bytes([len(wrapped) + 1, _AES256]) + wrapped
    return b"\x03" + anonymous + bytes([_X25519]) + fields


def _open(body: bytes, key: X25519PrivateKey) -> bytes | None:
    ephemeral = X25519PublicKey.from_public_bytes(body[10:42])
    wrapping_key = _wrapping_key(ephemeral, key.public_key(), key.exchange(ephemeral))
    try:
        return aes_key_unwrap(wrapping_key, body[44:])
    except InvalidUnwrap:
        return None


def _wrapping_key(ephemeral: X25519PublicKey, own: X25519PublicKey, secret: bytes) -> bytes:
    """Section 5.1.6: HKDF over both public keys and the shared secret."""
    material = ephemeral.public_bytes_raw() + own.public_bytes_raw() + secret
    return HKDF(SHA256(), 16, salt=None, info=b"OpenPGP X25519").derive(material)
