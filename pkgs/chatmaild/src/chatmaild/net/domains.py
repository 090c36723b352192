"""With which domains this relay exchanges mail: the canonical form of a domain, and the rules.

A rule is a domain name, which covers itself and all names below it, or an address literal, which
covers itself. Blocked domains get no mail and send none. As soon as there is a rule in
`allowed_only`, every domain that none of these covers is blocked, too. A blocked domain stays
blocked if a rule of the other kind covers it. The relay's own domain is always allowed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Final

from chatmaild.address import MAX_DOMAIN_LENGTH, ascii_domain
from chatmaild.errors import DomainError

# a name of DNS (RFC 1035 section 2.3.4), with the underscore of relays without a public certificate
_LABEL: Final = "[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME: Final = re.compile(rf"{_LABEL}(\.{_LABEL})*")


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainRules:
    """The rules, each in its canonical form.

    Attributes:
        own: the domain of this relay.
        allowed_only: empty: every domain that is not blocked is allowed.
    """

    own: str
    blocked: frozenset[str] = frozenset()
    allowed_only: frozenset[str] = frozenset()

    def allow(self, domain: str) -> bool:
        """Whether mail to and from a domain is accepted.

        With any rule, a text that is no domain is blocked: no mail can go there.
        """
        if not (self.blocked or self.allowed_only):
            return True
        name = canonical(domain)
        if name == self.own:
            return True
        if name is None or covering(name, self.blocked):
            return False
        return not self.allowed_only or covering(name, self.allowed_only) is not None


def covering(name: str, rules: frozenset[str]) -> str | None:
    """The longest rule that covers a domain in canonical form, or None."""
    return next((parent for parent in _and_parents(name) if parent in rules), None)


def _and_parents(name: str) -> Iterator[str]:
    yield name
    if not name.startswith("["):
        while "." in name:
            name = name.partition(".")[2]
            yield name


def canonical(domain: str) -> str | None:
    """The one spelling of a domain: A-labels in lower case, or an address literal; None if neither.

    A name that IDNA2008 does not allow is mapped as Postfix maps it before it asks DNS (UTS 46):
    another spelling of a blocked domain is blocked.
    """
    if domain.startswith("["):
        return _literal(domain[1:-1]) if domain.endswith("]") else None
    text = domain.removesuffix(".")
    name = ascii_domain(text) or _mapped(text)
    return name if name and len(name) <= MAX_DOMAIN_LENGTH and _NAME.fullmatch(name) else None


def parse_rule(text: str) -> str:
    """The rule that an operator wrote, in canonical form.

    Raises:
        DomainError: says what to write instead.
    """
    if "@" in text:
        raise DomainError(f"{text}: write the domain without the part before the @")
    if text.startswith((".", "*")):
        raise DomainError(f"{text}: write {text.lstrip('.*')}, which covers all names below it")
    # before names, because `192.0.2.1` has the form of one
    name = _literal(text) or canonical(text)
    if name is None:
        raise DomainError(f"{text}: neither a domain nor an IP address")
    return name


def _literal(text: str) -> str | None:
    """The literal of an IP address (RFC 5321 section 4.1.3), with or without the tag `IPv6:`."""
    try:
        address = ip_address(text.lower().removeprefix("ipv6:"))
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return None
        mapped = address.ipv4_mapped
        return f"[{mapped}]" if mapped else f"[IPv6:{address.compressed}]"
    return f"[{address}]"


def _mapped(domain: str) -> str | None:
    if len(domain) > MAX_DOMAIN_LENGTH + 1:
        return None
    import idna  # see address.py

    try:
        # the mapping makes ASCII dots of all others
        return ascii_domain(idna.uts46_remap(domain, std3_rules=False).removesuffix("."))
    except UnicodeError:
        return None
