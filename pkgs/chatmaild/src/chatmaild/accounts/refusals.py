"""Why a first login created no account, for the second question of Dovecot about the same login.

A failed login says AUTHENTICATIONFAILED, and clients ask for another password. A text that begins
with a response code in brackets is sent as it is, so `[UNAVAILABLE]` (RFC 5530) makes it temporary.
"""

import hashlib
import secrets
from typing import Final

from chatmaild.accounts.web.language import sentence
from chatmaild.address import Address
from chatmaild.bounded import Bounded

# a relay that is closed or full refuses for the moment; other codes are about the name, for good
TEMPORARY: Final = frozenset(("closed", "stopped", "overloaded"))
# Dovecot asks within milliseconds
MOST: Final = 2000
_LANGUAGE: Final = "en"  # mail clients do not say theirs


class Refusals:
    """The reasons of the last refusals, by a hash of address and password."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        # with the number of logins: two of one client may be asked about in any order
        self._codes: Bounded[bytes, tuple[str, int]] = Bounded(MOST)

    def add(self, address: Address, password: bytes, code: str) -> None:
        """Remember a refusal that is temporary; others are forgotten."""
        if code in TEMPORARY:
            name = self._hash(address, password)
            _, logins = self._codes.get(name, ("", 0))
            self._codes[name] = code, logins + 1

    def take(self, address: Address, password: bytes) -> str | None:
        """Return what the client is told, once; None if nothing was refused."""
        name = self._hash(address, password)
        code, logins = self._codes.pop(name, ("", 0))
        if logins > 1:
            self._codes[name] = code, logins - 1
        return f"[UNAVAILABLE] {sentence(code, _LANGUAGE)}" if code else None

    def _hash(self, address: Address, password: bytes) -> bytes:
        data = str(address).encode() + b"\0" + password
        return hashlib.blake2b(data, key=self._key, digest_size=16).digest()
