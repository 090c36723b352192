"""Answer Postfix' socketmaps: which addresses exist here, and where their mail goes."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from chatmaild.address import Address, parse_address
from chatmaild.errors import AddressError
from chatmaild.settings import Settings
from chatmaild.wire.socketmap import NO_SUCH_MAP, NOT_FOUND, found

RECIPIENTS: Final = "recipients"
TRANSPORT: Final = "transport"
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
        wanted = asked(name, key, self.domain)
        if isinstance(wanted, str):
            return wanted
        return answer(name, self.lmtp if self.exists(wanted) else None)


def asked(name: str, key: str, domain: str) -> Address | str:
    """Return the address whose next hop a map is asked for; an answer where there is none.

    Args:
        domain: the domain of this relay; other addresses are in no map.
    """
    if name not in (RECIPIENTS, TRANSPORT):
        return NO_SUCH_MAP
    if not _is_local(key, domain):
        return NOT_FOUND
    try:
        return parse_address(_unquoted(key))
    except AddressError:
        return answer(name, None)


def answer(name: str, next_hop: str | None) -> str:
    """Return the answer about a local address; its next hop is None if it does not exist.

    `recipients` tells whether an address exists, `transport` has its next hop: Dovecot, or an
    error.
    """
    if name == RECIPIENTS:
        return NOT_FOUND if next_hop is None else found("x")
    return UNKNOWN if next_hop is None else found(next_hop)


def _is_local(key: str, of: str) -> bool:
    local, _, domain = key.rpartition("@")
    return bool(local) and domain.lower() == of


def _unquoted(key: str) -> str:
    """Return an address without the quotes that Postfix writes (RFC 5321 section 4.1.2).

    The transport map is asked with them, the other one without.
    """
    local, _, domain = key.rpartition("@")
    if len(local) < len('""') or not (local.startswith('"') and local.endswith('"')):
        return key
    name = _ESCAPED.sub(r"\1", local[1:-1])
    return f"{name}@{domain}"
