"""The hosts that take a domain's mail, and their IP addresses (RFC 5321 section 5.1).

dnspython is imported at the first look-up, to save memory on a relay that sends nothing.
"""

import asyncio
import ipaddress
import re
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from chatmaild.address import ascii_domain
from chatmaild.bounded import Bounded
from chatmaild.errors import ChatmaildError
from chatmaild.transport.outbound.networks import Networks

if TYPE_CHECKING:
    import dns.asyncresolver
    import dns.resolver

_HOST_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")

# the local resolver answers from its cache or after some round trips; SMTP is tried afterwards
LOOKUP_S = 8.0
MAX_ANSWERS = 1000
# SMTP is tried after these hosts
MAX_HOSTS = 4


class NoExchangerError(ChatmaildError):
    """No host is known: DNS error, no such domain, or null MX."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchanger:
    """A host that accepts mail for a domain.

    Attributes:
        name: host name, or an IP address without brackets.
        verify: whether its certificate must be valid for the name.
    """

    name: str
    verify: bool


class Resolver(Protocol):
    """The two DNS look-ups of a delivery."""

    def exchangers(self, domain: str) -> Awaitable[list[Exchanger]]:
        """Return the hosts to try, best first. Raises NoExchangerError."""

    def addresses(self, host: str) -> Awaitable[list[str]]:
        """Return the IP addresses of a host. Raises OSError."""


def is_ip_address(text: str) -> bool:
    """Whether the text is an IPv4 or IPv6 address without brackets."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def literal(domain: str) -> Exchanger | None:
    """Return the host of an address literal, or None if the text is not one.

    Source: RFC 5321 section 4.1.3.
    """
    if not (domain.startswith("[") and domain.endswith("]")):
        return None
    text = domain[1:-1].lower().removeprefix("ipv6:")
    return Exchanger(name=text, verify=False) if is_ip_address(text) else None


class DnsResolver:
    """Looks up hosts with the resolver of this machine.

    Args:
        networks: the IP addresses that may be connected to.
        ipv4_only: use IPv4 alone. A relay at an IPv4 literal proves its origin by its IP address.
    """

    def __init__(
        self,
        networks: Networks,
        *,
        resolver: "dns.asyncresolver.Resolver | None" = None,
        ipv4_only: bool = False,
    ) -> None:
        self._networks = networks
        self._resolver = resolver
        self._kinds = ("A",) if ipv4_only else ("AAAA", "A")
        # domain -> end of the answer's TTL (time.time), hosts; cheaper than dnspython's cache
        self._known: Bounded[str, tuple[float, list[Exchanger]]] = Bounded(MAX_ANSWERS)
        self._running: dict[tuple[str, str], asyncio.Future[dns.resolver.Answer]] = {}

    async def exchangers(self, domain: str) -> list[Exchanger]:
        """Return the hosts to try, best first.

        DNS errors are not final here: Postfix looks up the domain itself afterwards and decides.

        Raises:
            NoExchangerError: no host is known.
        """
        if domain.startswith("["):
            host = literal(domain)
            if host is None:
                raise NoExchangerError("address literal")
            return [host]
        name_in_dns = ascii_domain(domain)
        if name_in_dns is None:
            raise NoExchangerError("not a domain name")
        until_s, hosts = self._known.get(domain, (0.0, []))
        if time.time() < until_s:
            return hosts
        import dns.exception

        # Most hosts stay, and most relays are their own: addresses are looked up meanwhile.
        likely = hosts[0].name if hosts else name_in_dns
        for kind in self._kinds:
            self._start(likely, kind)
        try:
            answer = await asyncio.shield(self._start(name_in_dns, "MX"))
        except (dns.exception.DNSException, UnicodeError) as error:
            raise NoExchangerError(type(error).__name__) from error
        records = sorted((mx.preference, str(mx.exchange)) for mx in answer.rrset or ())
        names = [name.rstrip(".").lower() for _, name in records] or [name_in_dns]
        if "" in names:
            raise NoExchangerError("null MX")  # RFC 7505
        usable = [name for name in names if _HOST_NAME.fullmatch(name)]
        if not usable:
            raise NoExchangerError("no usable host name")
        # test relays have a name with an underscore, which no CA certifies
        verify = not domain.startswith("_")
        hosts = [Exchanger(name=name, verify=verify) for name in usable[:MAX_HOSTS]]
        self._known[domain] = (answer.expiration, hosts)
        return hosts

    async def addresses(self, host: str) -> list[str]:
        """Return the IP addresses of a host that may be connected to.

        Raises:
            OSError: DNS has none, or does not answer.
        """
        if is_ip_address(host):
            return [host] if self._networks.allow(host) and self._has_family(host) else []
        import dns.exception

        started = [asyncio.shield(self._start(host, kind)) for kind in self._kinds]
        answers = await asyncio.gather(*started, return_exceptions=True)
        found: list[str] = []
        why = "NoAnswer"
        for answer in answers:
            if isinstance(answer, dns.exception.DNSException | UnicodeError):
                why = type(answer).__name__
            elif isinstance(answer, BaseException):
                raise answer
            else:
                found += [record.address for record in answer.rrset or ()]
        if not found:
            raise OSError(f"no address: {why}")
        return [address for address in found if self._networks.allow(address)]

    def _start(self, name: str, kind: str) -> "asyncio.Future[dns.resolver.Answer]":
        """Return the look-up that runs for this name, or a new one."""
        key = name, kind
        running = self._running.get(key)
        if running is None:
            question = self._dns().resolve(f"{name}.", kind, raise_on_no_answer=False)
            running = self._running[key] = asyncio.ensure_future(question)
            running.add_done_callback(lambda _: self._end(key))
        return running

    def _end(self, key: tuple[str, str]) -> None:
        ended = self._running.pop(key)
        if not ended.cancelled():
            ended.exception()  # nobody may wait for it

    def _has_family(self, address: str) -> bool:
        return "AAAA" in self._kinds or ipaddress.ip_address(address).version == 4

    def _dns(self) -> "dns.asyncresolver.Resolver":
        if self._resolver is None:
            import dns.asyncresolver
            import dns.resolver

            self._resolver = dns.asyncresolver.Resolver()
            self._resolver.lifetime = LOOKUP_S
            # keeps answers for their TTL: a look-up costs as much CPU as the rest of a delivery
            self._resolver.cache = dns.resolver.LRUCache(MAX_ANSWERS)
        return self._resolver
