"""Password hashes: scrypt (RFC 7914), and a memory of what has been verified.

Why scrypt: memory-hard, in Python's standard library, and it lets other threads run meanwhile.
Why N = 512, r = 8 (512 KiB): 1.3 ms on a slow core, so that 200 first logins fit into a second of
two cores beside all that Dovecot does for them; twice the memory leaves the core's cache and costs
2.3 ms. Clients invent passwords of 22 random characters, which no hash needs to protect; the cost
is for the few that people choose themselves.
"""

import base64
import hashlib
import hmac
import secrets
from collections import OrderedDict

from chatmaild.accounts.sha512crypt import verify_sha512_crypt

LOG2_N = 9
R = 8
P = 1
SALT_BYTES = 16
HASH_BYTES = 32
_PARAMETERS = f"ln={LOG2_N},r={R},p={P}"
# 100 bytes each; beyond it the one not used for longest costs a hash again
CACHE_ENTRIES = 8192


def hash_password(password: bytes) -> str:
    """A new hash with a new salt: `$scrypt$ln=9,r=8,p=1$SALT$HASH`, both in base64."""
    salt = secrets.token_bytes(SALT_BYTES)
    derived = _derive(password, salt, LOG2_N, R, P, HASH_BYTES)
    return f"$scrypt${_PARAMETERS}${_encode(salt)}${_encode(derived)}"


def verify_password(password: bytes, encoded: str) -> bool:
    """Whether the hash was made of this password; False for an unknown kind of hash."""
    match encoded.split("$"):
        case ["", "scrypt", parameters, salt, derived]:
            return _verify_scrypt(password, parameters, salt, derived)
        case _:
            return verify_sha512_crypt(password, encoded)


def is_outdated(encoded: str) -> bool:
    """Whether a hash was made in another way than `hash_password` does now."""
    return not encoded.startswith(f"$scrypt${_PARAMETERS}$")


def _verify_scrypt(password: bytes, parameters: str, salt: str, derived: str) -> bool:
    try:
        numbers = dict(pair.split("=") for pair in parameters.split(","))
        log2_n, r, p = (int(numbers[name]) for name in ("ln", "r", "p"))
        expected = base64.b64decode(derived, validate=True)
        actual = _derive(
            password, base64.b64decode(salt, validate=True), log2_n, r, p, len(expected)
        )
    except (ValueError, KeyError, OverflowError, MemoryError):
        return False
    return hmac.compare_digest(actual, expected)


def _derive(password: bytes, salt: bytes, log2_n: int, r: int, p: int, length: int) -> bytes:
    # RFC 7914 section 2: 128 * r * N bytes; some more is what OpenSSL wants to see
    max_memory = 2 * 128 * r * (1 << log2_n) + (1 << 20)
    return hashlib.scrypt(
        password, salt=salt, n=1 << log2_n, r=r, p=p, dklen=length, maxmem=max_memory
    )


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


class VerifiedCredentials:
    """Which passwords have been verified, so that the next login costs no scrypt.

    Holds keyed hashes under a key that exists in this process alone, never a password. The stored
    hash is part of it: a changed password makes the entry worthless at once.
    """

    def __init__(self, max_entries: int = CACHE_ENTRIES) -> None:
        self._key = secrets.token_bytes(32)
        self._entries: OrderedDict[bytes, None] = OrderedDict()
        self._max_entries = max_entries

    def add(self, address: str, password: bytes, encoded: str) -> None:
        """Remember that the password is the one of that hash."""
        self._entries[self._digest(address, password, encoded)] = None
        if len(self._entries) > self._max_entries:
            self._entries.popitem(last=False)

    def __contains__(self, credentials: tuple[str, bytes, str]) -> bool:
        digest = self._digest(*credentials)
        if digest not in self._entries:
            return False
        self._entries.move_to_end(digest)
        return True

    def _digest(self, address: str, password: bytes, encoded: str) -> bytes:
        state = hashlib.blake2b(key=self._key, digest_size=16)
        for part in (address.encode(), password, encoded.encode()):
            state.update(len(part).to_bytes(4, "big") + part)
        return state.digest()
