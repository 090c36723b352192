"""Queries to the authoritative name servers of a zone, past all caches."""

import contextlib
from dataclasses import dataclass

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rdatatype
import dns.resolver

from chatmaild.errors import ChatmaildError

TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """The name servers of a zone; the first answer counts."""

    zone: str
    addresses: tuple[str, ...]
    port: int = 53

    def ask(self, name: str, kind: str) -> list[str]:
        """Return the values of a name and type in presentation form; empty for none.

        Raises:
            ChatmaildError: no server answers.
        """
        query = dns.message.make_query(name, kind)
        query.flags &= ~dns.flags.RD
        for address in self.addresses:
            with contextlib.suppress(OSError, dns.exception.DNSException):
                answer, _ = dns.query.udp_with_fallback(
                    query, address, timeout=TIMEOUT_S, port=self.port
                )
                wanted = dns.rdatatype.from_text(kind)
                return [
                    rdata.to_text()
                    for rrset in answer.answer
                    if rrset.rdtype == wanted and rrset.name == dns.name.from_text(name)
                    for rdata in rrset
                ]
        raise ChatmaildError(f"no name server of {self.zone} answers")


def find_authority(domain: str) -> Authority:
    """Find the name servers of the zone that holds a domain.

    Raises:
        ChatmaildError: the domain is not delegated, or the resolver does not answer.
    """
    resolver = dns.resolver.get_default_resolver()
    try:
        zone = dns.resolver.zone_for_name(domain, resolver=resolver)
        names = [rdata.target for rdata in resolver.resolve(zone, "NS")]
    except dns.exception.DNSException as error:
        raise ChatmaildError(
            f"the name servers of {domain} cannot be found ({type(error).__name__})"
        ) from error
    addresses = []
    for name in names:
        for kind in ("A", "AAAA"):
            with contextlib.suppress(dns.exception.DNSException):
                addresses += [rdata.to_text() for rdata in resolver.resolve(name, kind)]
    if not addresses:
        raise ChatmaildError(f"the name servers of {domain} have no addresses")
    return Authority(zone=zone.to_text(), addresses=tuple(addresses))
