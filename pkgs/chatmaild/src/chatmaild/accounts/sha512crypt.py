"""SHA512-CRYPT, read only: the hashes of mailboxes that came from another chatmail server.

Python has no crypt module any more. The first login with such a hash replaces it by our own.
Source: Ulrich Drepper, "Unix crypt using SHA-256 and SHA-512", version 0.6.
"""

import hashlib
import hmac
import re

_FORM = re.compile(
    r"(?:\{SHA512-CRYPT\})?\$6\$(?:rounds=(\d{1,9})\$)?([^$]{1,16})\$([./0-9A-Za-z]{86})"
)
DEFAULT_ROUNDS = 5000
MIN_ROUNDS = 1000
# what a login may cost at most, 40 ms; the standard would allow 999,999,999
MAX_ROUNDS = 20000
_ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# the bytes of the digest leave in groups of three, each a step further in another third
_ORDER = [tuple((first + 21 * k) % 63 for k in range(3)) for first in (22 * n for n in range(21))]


def is_sha512_crypt(encoded: str) -> bool:
    """Whether a stored hash is of this kind, with or without Dovecot's scheme in front."""
    return _FORM.fullmatch(encoded) is not None


def verify_sha512_crypt(password: bytes, encoded: str) -> bool:
    """Whether the hash was made of this password."""
    found = _FORM.fullmatch(encoded)
    if not found:
        return False
    rounds = max(MIN_ROUNDS, int(found[1])) if found[1] else DEFAULT_ROUNDS
    if rounds > MAX_ROUNDS:
        return False
    digest = _digest(password, found[2].encode(), rounds)
    return hmac.compare_digest(_encode(digest), found[3])


def _digest(password: bytes, salt: bytes, rounds: int) -> bytes:
    length = len(password)
    other = hashlib.sha512(password + salt + password).digest()
    start = hashlib.sha512(password + salt + _stretch(other, length))
    bits = length
    while bits:
        start.update(other if bits & 1 else password)
        bits >>= 1
    digest = start.digest()
    p = _stretch(hashlib.sha512(password * length).digest(), length)
    s = _stretch(hashlib.sha512(salt * (16 + digest[0])).digest(), len(salt))
    for number in range(rounds):
        parts = [p if number & 1 else digest]
        if number % 3:
            parts.append(s)
        if number % 7:
            parts.append(p)
        parts.append(digest if number & 1 else p)
        digest = hashlib.sha512(b"".join(parts)).digest()
    return digest


def _stretch(digest: bytes, length: int) -> bytes:
    """The digest again and again, cut to the length."""
    return (digest * (length // len(digest) + 1))[:length]


def _encode(digest: bytes) -> str:
    """crypt's own base64: the lowest six bits first."""
    groups = [(digest[a] << 16) | (digest[b] << 8) | digest[c] for a, b, c in _ORDER]
    text = "".join(_ALPHABET[(group >> 6 * k) & 63] for group in groups for k in range(4))
    return text + _ALPHABET[digest[63] & 63] + _ALPHABET[digest[63] >> 6]
