"""DNS look-ups with the resolver of this machine, and the names that a selftest looks up."""

import ipaddress
import socket
from typing import Final

import dns.exception
import dns.rdatatype
import dns.resolver

from chatmaild.errors import ChatmaildError
from chatmaild.settings import Settings

# the resolver answers from its cache or after some round trips
LOOKUP_S: Final = 4.0
# more names would not make the result more certain
MOST_HOSTS: Final = 8


class NoAnswerError(ChatmaildError):
    """The resolver gave no answer."""


def relays_of(settings: Settings) -> tuple[str, ...]:
    """The other relays that a selftest connects to."""
    return tuple(name for name in settings.selftest.relays if name != settings.domain)[:MOST_HOSTS]


def mail_domains_of(settings: Settings) -> tuple[str, ...]:
    """The domains to whose mail servers a selftest connects: providers, then relays."""
    return (*settings.selftest.mail_domains, *relays_of(settings))[:MOST_HOSTS]


def records(name: str, kind: str) -> list[str]:
    """The values of a name and type in presentation form; empty for none.

    Raises:
        NoAnswerError: the resolver does not answer, or the answer cannot be trusted.
    """
    resolver = dns.resolver.Resolver()
    resolver.lifetime = LOOKUP_S
    try:
        answer = resolver.resolve(f"{name}.", kind, search=False, raise_on_no_answer=False)
    except dns.resolver.NXDOMAIN:
        return []
    except dns.exception.DNSException as error:
        raise NoAnswerError(type(error).__name__) from error
    wanted = dns.rdatatype.from_text(kind)
    return [rdata.to_text() for rdata in answer.rrset or () if rdata.rdtype == wanted]


def is_ip_address(text: str) -> bool:
    """Whether the text is an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def addresses(host: str) -> list[str]:
    """The IP addresses of a host, IPv4 first; empty for none or without an answer."""
    if is_ip_address(host):
        return [host]
    found: list[str] = []
    for kind in ("A", "AAAA"):
        try:
            found += records(host, kind)
        except NoAnswerError:
            continue
    return [address for address in found if _has_route(address)]


def exchanger(domain: str) -> str | None:
    """The best MX host of a domain, the domain itself without MX; None without an answer."""
    if is_ip_address(domain):
        return domain
    try:
        found = records(domain, "MX")
    except NoAnswerError:
        return None
    if not found:
        return domain
    return min((int(value.split()[0]), value.split()[1].rstrip(".")) for value in found)[1] or None


def _has_route(address: str) -> bool:
    """Whether this machine has a route; connecting a UDP socket sends nothing."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 9))
    except OSError:
        return False
    return True
