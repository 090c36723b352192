"""Password hashes (yescrypt), and a cache of verified credentials.

Why yescrypt: it is memory-hard, Debian and NixOS use it, any crypt(3) verifies it, and it releases
the interpreter lock.
Why N = 512, r = 8 (512 KiB): a hash takes 0.7 ms on a slow core, so two cores do 200 first logins
a second, with Dovecot's work for them. Clients generate 22 random characters, which any hash
protects; the cost is for the few passwords that people choose.

Two other kinds are verified and replaced at the next login: scrypt (RFC 7914), which takes 2.4
times as long for the same memory, and SHA512-CRYPT of mailboxes from other servers.
"""

import base64
import ctypes
import hashlib
import hmac
import re
import secrets
from typing import Final

from chatmaild.address import Address
from chatmaild.bounded import Bounded

# flavour j, N = 512, r = 8
_OURS: Final = "$y$j65$"
_SALT_BYTES: Final = 15
# limit of crypt(3), which also ends at a NUL
_MAX_PHRASE_BYTES: Final = 511
_SHA512_CRYPT: Final = re.compile(
    r"(?:\{SHA512-CRYPT\})?(\$6\$(?:rounds=(\d{1,9})\$)?[^$]{1,16}\$[./0-9A-Za-z]{86})"
)
# 10 ms for a login; the method allows 999,999,999 rounds
_MAX_ROUNDS: Final = 20000
# N * r * p: 32 MiB and 0.1 s for a login; N = 16384, r = 8, p = 1 has half of it
_MAX_SCRYPT_BLOCKS: Final = 1 << 18
_SCRYPT: Final = re.compile(r"\$scrypt\$ln=(\d{1,2}),r=(\d{1,4}),p=(\d{1,4})\$([^$]+)\$([^$]+)")
# 100 bytes each; the least recently used entry is dropped. When all users of a relay return, in any
# order, each has to be found: twice the default of limits.imapConnections.
CACHE_ENTRIES: Final = 20000

_WORKSPACE_BYTES: Final = 32768  # sizeof (struct crypt_data)


def _load() -> ctypes.CDLL:
    """Load libxcrypt; Python's module `crypt` was removed in 3.13."""
    try:
        return ctypes.CDLL("libcrypt.so.2")  # the Nix package replaces the name by a path
    except OSError:
        return ctypes.CDLL("libcrypt.so.1")  # Debian builds it with the obsolete functions


_crypt_rn = _load().crypt_rn
_crypt_rn.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int]
_crypt_rn.restype = ctypes.c_char_p


def crypt(phrase: bytes, setting: str) -> str | None:
    """The hash of a phrase; None if the library does not know the setting.

    It releases the interpreter lock. The phrase ends at a NUL and has 511 bytes at most.

    Args:
        setting: a hash or its prefix `$METHOD$PARAMETERS$SALT`.
    """
    workspace = ctypes.create_string_buffer(_WORKSPACE_BYTES)
    encoded = _crypt_rn(phrase, setting.encode(), workspace, _WORKSPACE_BYTES)
    return None if encoded is None else encoded.decode("ascii")


def hash_password(password: bytes) -> str:
    """A new hash with a random salt: `$y$j65$SALT$HASH`, in the base64 of crypt(3)."""
    salt = base64.b64encode(secrets.token_bytes(_SALT_BYTES), altchars=b"./").decode()
    encoded = crypt(_phrase(password), _OURS + salt)
    if encoded is None:
        raise RuntimeError("libcrypt does not know yescrypt")
    return encoded


def verify_password(password: bytes, encoded: str) -> bool:
    """Whether a hash belongs to a password; False for an unknown kind of hash."""
    if encoded.startswith(_OURS):
        return _verify_crypt(_phrase(password), encoded)
    if found := _SHA512_CRYPT.fullmatch(encoded):
        allowed = int(found[2] or 0) <= _MAX_ROUNDS and b"\0" not in password
        return allowed and _verify_crypt(password, found[1])
    if found := _cheap_scrypt(encoded):
        return _verify_scrypt(password, found)
    return False


def can_verify(encoded: str) -> bool:
    """Whether `verify_password` knows this kind of hash."""
    if found := _SHA512_CRYPT.fullmatch(encoded):
        return int(found[2] or 0) <= _MAX_ROUNDS
    return encoded.startswith(_OURS) or _cheap_scrypt(encoded) is not None


def is_outdated(encoded: str) -> bool:
    """Whether `hash_password` now uses another method or cost."""
    return not encoded.startswith(_OURS)


def _phrase(password: bytes) -> bytes:
    """The password, or its digest if crypt(3) would truncate it."""
    if len(password) <= _MAX_PHRASE_BYTES and b"\0" not in password:
        return password
    return base64.b64encode(hashlib.sha512(password).digest())


def _verify_crypt(phrase: bytes, encoded: str) -> bool:
    return hmac.compare_digest(crypt(phrase, encoded) or "", encoded)


def _cheap_scrypt(encoded: str) -> re.Match[str] | None:
    """The parts of a scrypt hash; None if it is none, or takes too much memory or time."""
    found = _SCRYPT.fullmatch(encoded)
    if found is None or (1 << int(found[1])) * int(found[2]) * int(found[3]) > _MAX_SCRYPT_BLOCKS:
        return None
    return found


def _verify_scrypt(password: bytes, found: re.Match[str]) -> bool:
    n, r, p = 1 << int(found[1]), int(found[2]), int(found[3])
    salt, derived = found[4], found[5]
    try:
        expected = base64.b64decode(derived, validate=True)
        actual = hashlib.scrypt(
            password,
            salt=base64.b64decode(salt, validate=True),
            n=n,
            r=r,
            p=p,
            dklen=len(expected),
            # RFC 7914 section 2: 128 * r * N bytes; OpenSSL requires more
            maxmem=2 * 128 * r * n + (1 << 20),
        )
    except (ValueError, OverflowError, MemoryError):
        return False
    return hmac.compare_digest(actual, expected)


class VerifiedCredentials:
    """Cache of verified credentials, so that the next login needs no password hash.

    It holds keyed digests of address, password and stored hash, and no password. Their key exists
    in this process only. A changed password invalidates its entry at once.
    """

    def __init__(self, max_entries: int = CACHE_ENTRIES) -> None:
        self._key = secrets.token_bytes(32)
        self._entries: Bounded[bytes, None] = Bounded(max_entries)

    def add(self, address: Address, password: bytes, encoded: str) -> None:
        """Remember that the password belongs to the stored hash."""
        self._entries[self._digest(address, password, encoded)] = None

    def __contains__(self, credentials: tuple[Address, bytes, str]) -> bool:
        return self._entries.touch(self._digest(*credentials))

    def _digest(self, address: Address, password: bytes, encoded: str) -> bytes:
        state = hashlib.blake2b(key=self._key, digest_size=16)
        for part in (str(address).encode(), password, encoded.encode()):
            state.update(len(part).to_bytes(4, "big") + part)
        return state.digest()
