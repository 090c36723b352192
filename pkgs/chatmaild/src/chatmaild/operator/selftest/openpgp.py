"""A text encrypted with a passphrase (RFC 9580): the message of the test is truly encrypted.

One symmetric-key session key packet (version 6) and one packet of encrypted and integrity-protected
data (version 2), both AES-256 in GCM; nothing else of OpenPGP is spoken here.
"""

import base64
import hashlib
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

AES256 = 9
GCM = 3
SHA2_256 = 8
KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
SALT_BYTES = 32
# chunks of 2^(6 + 6) = 4 KiB; the message of the test is shorter than one
CHUNK_CODE = 6
# "iterated and salted" (section 3.7.1.3), 65,536 octets: the passphrase is random already
S2K_SALT_BYTES = 8
S2K_COUNT_CODE = 0x60
S2K_OCTETS = (16 + (S2K_COUNT_CODE & 15)) << ((S2K_COUNT_CODE >> 4) + 6)
SKESK_TAG = 0xC3
SEIPD_TAG = 0xD2
LITERAL_TAG = 0xCB

BEGIN = "-----BEGIN PGP MESSAGE-----"
END = "-----END PGP MESSAGE-----"
LINE_LENGTH = 64


class DecryptionError(ValueError):
    """The armour does not hold the text that was encrypted with this passphrase."""


def encrypt(text: str, passphrase: str) -> str:
    """The armoured message, lines ending in CRLF."""
    session_key = secrets.token_bytes(KEY_BYTES)
    packets = _session_key_packet(session_key, passphrase) + _data_packet(text, session_key)
    encoded = base64.b64encode(packets).decode()
    lines = [encoded[at : at + LINE_LENGTH] for at in range(0, len(encoded), LINE_LENGTH)]
    return "\r\n".join([BEGIN, "", *lines, END, ""])


def decrypt(armour: str, passphrase: str) -> str:
    """The text in an armoured message made by `encrypt`.

    Raises:
        DecryptionError: damaged, or made with another passphrase.
    """
    lines = armour.replace("\r\n", "\n").strip().split("\n")
    try:
        if lines[0] != BEGIN or lines[-1] != END:
            raise DecryptionError("no armour")
        packets = base64.b64decode("".join(lines[1:-1]), validate=True)
        first, rest = _take(packets, SKESK_TAG)
        second, rest = _take(rest, SEIPD_TAG)
        return _open_data(second, _open_session_key(first, passphrase))
    except (IndexError, InvalidTag, ValueError) as error:
        raise DecryptionError("not what was encrypted") from error


def _session_key_packet(session_key: bytes, passphrase: str) -> bytes:
    # section 5.3.2
    s2k = bytes([3, SHA2_256]) + secrets.token_bytes(S2K_SALT_BYTES) + bytes([S2K_COUNT_CODE])
    head = bytes([6, 3 + len(s2k) + NONCE_BYTES, AES256, GCM, len(s2k)]) + s2k
    nonce = secrets.token_bytes(NONCE_BYTES)
    info = bytes([SKESK_TAG, 6, AES256, GCM])
    key = _hkdf(_s2k(passphrase, s2k), b"", info, KEY_BYTES)
    return _packet(SKESK_TAG, head + nonce + AESGCM(key).encrypt(nonce, session_key, info))


def _open_session_key(body: bytes, passphrase: str) -> bytes:
    s2k_length = body[4]
    s2k, rest = body[5 : 5 + s2k_length], body[5 + s2k_length :]
    info = bytes([SKESK_TAG, 6, AES256, GCM])
    key = _hkdf(_s2k(passphrase, s2k), b"", info, KEY_BYTES)
    return AESGCM(key).decrypt(rest[:NONCE_BYTES], rest[NONCE_BYTES:], info)


def _data_packet(text: str, session_key: bytes) -> bytes:
    # section 5.13.2; one literal packet (section 5.9): UTF-8, no file name, no date
    literal = _packet(LITERAL_TAG, b"u\0\0\0\0\0" + text.encode())
    salt = secrets.token_bytes(SALT_BYTES)
    cipher, iv, info = _data_cipher(session_key, salt)
    chunk = cipher.encrypt(iv + bytes(8), literal, info)
    final = cipher.encrypt(iv + (1).to_bytes(8, "big"), b"", info + _length(literal))
    return _packet(SEIPD_TAG, info[1:] + salt + chunk + final)


def _open_data(body: bytes, session_key: bytes) -> str:
    cipher, iv, info = _data_cipher(session_key, body[4 : 4 + SALT_BYTES])
    chunk, final = body[4 + SALT_BYTES : -TAG_BYTES], body[-TAG_BYTES:]
    literal = cipher.decrypt(iv + bytes(8), chunk, info)
    cipher.decrypt(iv + (1).to_bytes(8, "big"), final, info + _length(literal))
    content, _ = _take(literal, LITERAL_TAG)
    return content[6:].decode()


def _data_cipher(session_key: bytes, salt: bytes) -> tuple[AESGCM, bytes, bytes]:
    info = bytes([SEIPD_TAG, 2, AES256, GCM, CHUNK_CODE])
    derived = _hkdf(session_key, salt, info, KEY_BYTES + NONCE_BYTES - 8)
    return AESGCM(derived[:KEY_BYTES]), derived[KEY_BYTES:], info


def _length(literal: bytes) -> bytes:
    return len(literal).to_bytes(8, "big")


def _hkdf(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=salt or None, info=info).derive(secret)


def _s2k(passphrase: str, s2k: bytes) -> bytes:
    unit = s2k[2 : 2 + S2K_SALT_BYTES] + passphrase.encode()
    repeated = unit * (S2K_OCTETS // len(unit) + 1)
    return hashlib.sha256(repeated[:S2K_OCTETS]).digest()


def _packet(tag: int, body: bytes) -> bytes:
    # the five-octet length (section 4.2.1.3) is allowed for any size
    return bytes([tag, 0xFF]) + len(body).to_bytes(4, "big") + body


def _take(packets: bytes, tag: int) -> tuple[bytes, bytes]:
    if packets[:2] != bytes([tag, 0xFF]):
        raise DecryptionError("another packet was expected")
    end = 6 + int.from_bytes(packets[2:6], "big")
    return packets[6:end], packets[end:]
