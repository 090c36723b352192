"""Queries the DNS records of the domain before the installation."""

from dataclasses import dataclass

import dns.exception
import dns.rdatatype
import dns.resolver

DEADLINE_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """IP addresses and mail servers of a domain; `known` is false if DNS did not answer."""

    known: bool = True
    addresses: frozenset[str] = frozenset()
    mail_servers: tuple[str, ...] = ()


def look_up(domain: str) -> Published:
    """Query the resolver of this computer."""
    resolver = dns.resolver.Resolver()
    resolver.lifetime = DEADLINE_S
    try:
        addresses = [*_query(resolver, domain, "A"), *_query(resolver, domain, "AAAA")]
        mail = _query(resolver, domain, "MX")
    except dns.exception.DNSException:
        return Published(known=False)
    names = sorted(line.split()[-1].rstrip(".") for line in mail)
    return Published(addresses=frozenset(addresses), mail_servers=tuple(names))


def _query(resolver: dns.resolver.Resolver, name: str, kind: str) -> list[str]:
    try:
        return [record.to_text() for record in resolver.resolve(f"{name}.", kind)]
    except (dns.resolver.NoAnswer, dns.resolver.NXDOMAIN):
        return []
