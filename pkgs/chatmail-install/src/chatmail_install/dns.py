"""What DNS says about the relay's name before there is a relay."""

from dataclasses import dataclass

import dns.exception
import dns.rdatatype
import dns.resolver

DEADLINE_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """Addresses and mail servers of a name; `known` is false when DNS did not answer."""

    known: bool = True
    addresses: frozenset[str] = frozenset()
    mail_servers: tuple[str, ...] = ()


def look_up(domain: str) -> Published:
    """Ask the resolver of this computer."""
    resolver = dns.resolver.Resolver()
    resolver.lifetime = DEADLINE_S
    try:
        addresses = [*_ask(resolver, domain, "A"), *_ask(resolver, domain, "AAAA")]
        mail = _ask(resolver, domain, "MX")
    except dns.exception.DNSException:
        return Published(known=False)
    names = sorted(line.split()[-1].rstrip(".") for line in mail)
    return Published(addresses=frozenset(addresses), mail_servers=tuple(names))


def _ask(resolver: dns.resolver.Resolver, name: str, kind: str) -> list[str]:
    try:
        return [record.to_text() for record in resolver.resolve(f"{name}.", kind)]
    except (dns.resolver.NoAnswer, dns.resolver.NXDOMAIN):
        return []
