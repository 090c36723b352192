"""Password hashes: yescrypt, and a memory of what has been verified.

Why yescrypt: memory-hard, what Debian and NixOS take for their own users, verified by any crypt(3),
and other threads run meanwhile.
Why N = 512, r = 8 (512 KiB): 0.7 ms on a slow core, so that 200 first logins fit into a second of
two cores beside all that Dovecot does for them. Clients invent passwords of 22 random characters,
which no hash needs to protect; the cost is for the few that people choose themselves.

Hashes of other kinds are read, and replaced at the next login: scrypt (RFC 7914), which needs 2.4
times as long for the same memory, and SHA512-CRYPT, that of mailboxes from other servers.
"""

import base64
import hashlib
import hmac
import re
import secrets

from chatmaild.address import Address
from chatmaild.bounded import Bounded
from chatmaild.store.crypt import crypt

# flavour j, N = 512, r = 8
_OURS = "$y$j65$"
_SALT_BYTES = 15
# crypt(3) ends at a NUL and has no room for more
_MAX_PHRASE_BYTES = 511
_SHA512_CRYPT = re.compile(
    r"(?:\{SHA512-CRYPT\})?(\$6\$(?:rounds=(\d{1,9})\$)?[^$]{1,16}\$[./0-9A-Za-z]{86})"
)
# what a login may cost at most, 10 ms; the method would allow 999,999,999
_MAX_ROUNDS = 20000
# 100 bytes each; beyond it the one not used for longest costs a hash again
CACHE_ENTRIES = 8192


def hash_password(password: bytes) -> str:
    """A new hash with a new salt: `$y$j65$SALT$HASH`, both in crypt's base64."""
    salt = base64.b64encode(secrets.token_bytes(_SALT_BYTES), altchars=b"./").decode()
    encoded = crypt(_phrase(password), _OURS + salt)
    if encoded is None:
        raise RuntimeError("libcrypt does not know yescrypt")
    return encoded


def verify_password(password: bytes, encoded: str) -> bool:
    """Whether the hash was made of this password; False for an unknown kind of hash."""
    if encoded.startswith(_OURS):
        return _verify_crypt(_phrase(password), encoded)
    if found := _SHA512_CRYPT.fullmatch(encoded):
        allowed = int(found[2] or 0) <= _MAX_ROUNDS and b"\0" not in password
        return allowed and _verify_crypt(password, found[1])
    match encoded.split("$"):
        case ["", "scrypt", parameters, salt, derived]:
            return _verify_scrypt(password, parameters, salt, derived)
        case _:
            return False


def is_outdated(encoded: str) -> bool:
    """Whether a hash was made in another way than `hash_password` does now."""
    return not encoded.startswith(_OURS)


def _phrase(password: bytes) -> bytes:
    """The password, in a form that crypt(3) reads as a whole."""
    if len(password) <= _MAX_PHRASE_BYTES and b"\0" not in password:
        return password
    return base64.b64encode(hashlib.sha512(password).digest())


def _verify_crypt(phrase: bytes, encoded: str) -> bool:
    return hmac.compare_digest(crypt(phrase, encoded) or "", encoded)


def _verify_scrypt(password: bytes, parameters: str, salt: str, derived: str) -> bool:
    try:
        numbers = dict(pair.split("=") for pair in parameters.split(","))
        n, r, p = 1 << int(numbers["ln"]), int(numbers["r"]), int(numbers["p"])
        expected = base64.b64decode(derived, validate=True)
        actual = hashlib.scrypt(
            password,
            salt=base64.b64decode(salt, validate=True),
            n=n,
            r=r,
            p=p,
            dklen=len(expected),
            # RFC 7914 section 2: 128 * r * N bytes; some more is what OpenSSL wants to see
            maxmem=2 * 128 * r * n + (1 << 20),
        )
    except (ValueError, KeyError, OverflowError, MemoryError):
        return False
    return hmac.compare_digest(actual, expected)


class VerifiedCredentials:
    """Which passwords have been verified, so that the next login costs no scrypt.

    Holds keyed hashes under a key that exists in this process alone, never a password. The stored
    hash is part of it: a changed password makes the entry worthless at once.
    """

    def __init__(self, max_entries: int = CACHE_ENTRIES) -> None:
        self._key = secrets.token_bytes(32)
        self._entries: Bounded[bytes, None] = Bounded(max_entries)

    def add(self, address: Address, password: bytes, encoded: str) -> None:
        """Remember that the password is the one of that hash."""
        self._entries[self._digest(address, password, encoded)] = None

    def __contains__(self, credentials: tuple[Address, bytes, str]) -> bool:
        return self._entries.touch(self._digest(*credentials))

    def _digest(self, address: Address, password: bytes, encoded: str) -> bytes:
        state = hashlib.blake2b(key=self._key, digest_size=16)
        for part in (str(address).encode(), password, encoded.encode()):
            state.update(len(part).to_bytes(4, "big") + part)
        return state.digest()
