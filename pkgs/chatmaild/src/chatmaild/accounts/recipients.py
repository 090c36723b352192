"""Answer Postfix' socketmaps: which addresses exist here, and where their mail goes."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from chatmaild.address import Address, parse_address
from chatmaild.errors import AddressError
from chatmaild.settings import Settings
from chatmaild.wire.socketmap import NO_SUCH_MAP, NOT_FOUND, found

_ESCAPED: Final = re.compile(r"\\(.)")
# RFC 3463 section 3.2: bad destination mailbox address
UNKNOWN: Final = found("error:5.1.1 Recipient address rejected: User unknown")


@dataclass(frozen=True, slots=True, kw_only=True)
class Maps:
    """Answers of the socketmap protocol.

    Attributes:
        domain: the domain whose addresses live here.
        lmtp: next hop of an address that exists.
        exists: whether there is such an account; may raise OSError.
    """

    domain: str
    lmtp: str
    exists: Callable[[Address], bool]

    @classmethod
    def of(cls, settings: Settings, exists: Callable[[Address], bool]) -> "Maps":
        """Return the maps of this relay."""
        lmtp = f"lmtp:unix:{settings.sockets.lmtp}"
        return cls(domain=settings.mail_domain, lmtp=lmtp, exists=exists)

    def look_up(self, name: str, key: str) -> str:
        """Return the answer for a map and a key, as `wire.socketmap` sends it."""
        match name:
            case "recipients":
                return self.recipient(key)
            case "transport":
                return self.transport(key)
            case _:
                return NO_SUCH_MAP

    def recipient(self, key: str) -> str:
        """Return whether the key is an address that exists here."""
        if not self._is_local(key):
            return NOT_FOUND
        return found("x") if self._known(key) else NOT_FOUND

    def transport(self, key: str) -> str:
        """Return the next hop of a local address: Dovecot or an error; NOTFOUND for all others."""
        if not self._is_local(key):
            return NOT_FOUND
        return found(self.lmtp) if self._known(key) else UNKNOWN

    def _is_local(self, key: str) -> bool:
        local, _, domain = key.rpartition("@")
        return bool(local) and domain.lower() == self.domain

    def _known(self, key: str) -> bool:
        try:
            return self.exists(parse_address(_unquoted(key)))
        except AddressError:
            return False


def _unquoted(key: str) -> str:
    """Return an address without the quotes that Postfix writes (RFC 5321 section 4.1.2).

    The transport map is asked with them, the other one without.
    """
    local, _, domain = key.rpartition("@")
    if len(local) < len('""') or not (local.startswith('"') and local.endswith('"')):
        return key
    name = _ESCAPED.sub(r"\1", local[1:-1])
    return f"{name}@{domain}"
