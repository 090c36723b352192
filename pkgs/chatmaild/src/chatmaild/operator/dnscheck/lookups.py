"""Look-ups: names in the zone at the authoritative servers, all others at the resolver."""

from dataclasses import dataclass

import dns.exception
import dns.name
import dns.resolver

from chatmaild.errors import ChatmaildError
from chatmaild.operator.authority import TIMEOUT_S, Authority


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookups:
    """The authority of a zone, and the resolver of this machine."""

    authority: Authority

    def ask(self, name: str, kind: str) -> list[str]:
        """Return the values of a name and type in presentation form; empty for none.

        Raises:
            ChatmaildError: no server answers.
        """
        zone = dns.name.from_text(self.authority.zone)
        try:
            if dns.name.from_text(name).is_subdomain(zone):
                return self.authority.ask(name, kind)
            return _resolved(name, kind)
        except (dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel):
            return []


def _resolved(name: str, kind: str) -> list[str]:
    try:
        answer = dns.resolver.resolve(
            name, kind, search=False, raise_on_no_answer=False, lifetime=TIMEOUT_S
        )
    except dns.resolver.NXDOMAIN:
        return []
    except dns.exception.DNSException as error:
        problem = f"the resolver has no answer for {name} {kind} ({type(error).__name__})"
        raise ChatmaildError(problem) from error
    return [rdata.to_text() for rdata in answer.rrset or ()]
