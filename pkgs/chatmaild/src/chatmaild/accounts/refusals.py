"""Why a first login created no account; Dovecot asks for it after the failed login.

A failed login gets AUTHENTICATIONFAILED, and clients ask for another password. A text that begins
with a response code in brackets is sent as it is, so `[UNAVAILABLE]` (RFC 5530) makes it temporary.
"""

import hashlib
import secrets
from typing import Final

from chatmaild.accounts.web.language import sentence
from chatmaild.address import Address
from chatmaild.bounded import Bounded

# temporary: the relay is closed or full; other codes are about the name, permanent
TEMPORARY: Final = frozenset(("closed", "stopped", "overloaded", "automatic", "automatic-limit"))
# Dovecot asks within milliseconds
MOST: Final = 2000
_LANGUAGE: Final = "en"  # mail clients do not send their language


class Refusals:
    """The reasons of the last refusals, by a hash of address and password."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        # with the number of logins: Dovecot may ask for two of one client in any order
        self._texts: Bounded[bytes, tuple[str, int]] = Bounded(MOST)

    def add(self, address: Address, password: bytes, code: str) -> None:
        """Remember a temporary refusal; ignore others."""
        if code in TEMPORARY:
            self.keep(address, password, f"[UNAVAILABLE] {sentence(code, _LANGUAGE)}")

    def keep(self, address: Address, password: bytes, text: str) -> None:
        """Remember the text for the client."""
        name = self._hash(address, password)
        _, logins = self._texts.get(name, ("", 0))
        self._texts[name] = text, logins + 1

    def take(self, address: Address, password: bytes) -> str | None:
        """Return the text for the client, once; None if nothing was refused."""
        name = self._hash(address, password)
        text, logins = self._texts.pop(name, ("", 0))
        if logins > 1:
            self._texts[name] = text, logins - 1
        return text or None

    def _hash(self, address: Address, password: bytes) -> bytes:
        data = str(address).encode() + b"\0" + password
        return hashlib.blake2b(data, key=self._key, digest_size=16).digest()
