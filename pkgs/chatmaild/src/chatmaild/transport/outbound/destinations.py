"""The route of each destination: its delivery agents, and the order of HTTPS and SMTP.

A domain that answered lately has the large pool of delivery agents, see `standing`.

Postfix delivers and queues; this memory sets the order of its two nexthops: HTTPS before SMTP, or
SMTP before HTTPS where HTTPS failed in the last 30 minutes. Both are always tried, so a domain
that has one of them gets its mail.
"""

from dataclasses import dataclass, field

from chatmaild.bounded import Bounded
from chatmaild.transport.outbound.standing import Standing
from chatmaild.transport.silence import Silence

# time after a failure in which SMTP comes first
REMEMBER_S = 1800.0
# pause after a failure, so that a queue does not wait for a dead host once per message
PAUSE_S = 10.0
# a bound, because senders choose the names; far more than a relay needs in 30 minutes
MAX_ENTRIES = 20_000


class Failures:
    """The times of the last failures, forgotten after `REMEMBER_S`."""

    def __init__(self) -> None:
        self._failed_s: Bounded[str, float] = Bounded(MAX_ENTRIES)

    def add(self, name: str, now_s: float) -> None:
        """Record a failure."""
        self._failed_s[name] = now_s

    def remove(self, name: str) -> None:
        """Record a success."""
        self._failed_s.pop(name, None)

    def age_s(self, name: str, now_s: float) -> float | None:
        """Return the seconds since the last failure, or None."""
        failed_s = self._failed_s.get(name)
        if failed_s is None:
            return None
        age_s = now_s - failed_s
        if age_s > REMEMBER_S:
            del self._failed_s[name]
            return None
        return age_s


@dataclass(slots=True, kw_only=True)
class Destinations:
    """What is known about HTTPS of domains and their mail exchangers.

    Attributes:
        service: name of the smtp client in master.cf for known domains.
        new_service: name of the one for unknown domains.
        gateway: nexthop of our SMTP server for HTTPS delivery.
        local_domain: the domain of this relay.
        silence: the domains that have not answered for a month.
    """

    service: str
    new_service: str
    gateway: str
    local_domain: str
    silence: Silence = field(default_factory=Silence)
    _domains: Failures = field(default_factory=Failures)
    _hosts: Failures = field(default_factory=Failures)
    _standing: Standing = field(default_factory=Standing)
    # host -> time of its last 413, and the size of that message in bytes
    _too_large: Bounded[str, tuple[float, int]] = field(
        default_factory=lambda: Bounded(MAX_ENTRIES)
    )

    def route(self, domain: str, now_s: float) -> str | None:
        """Return transport and nexthops of a domain (transport(5)); None for the local domain."""
        if not domain or domain == self.local_domain:
            return None
        service = self.service if self._standing.has(domain, now_s) else self.new_service
        if self.is_https_first(domain, now_s):
            return f"{service}:{self.gateway}, {domain}"
        return f"{service}:{domain}, {self.gateway}"

    def is_https_first(self, domain: str, now_s: float) -> bool:
        """Whether HTTPS did not fail in the last 30 minutes."""
        return self._domains.age_s(domain, now_s) is None

    def is_known(self, domain: str, now_s: float) -> bool:
        """Whether the domain answered lately."""
        return self._standing.has(domain, now_s)

    def answers(self, domain: str, network: str, now_s: float) -> None:
        """Record that a host of the domain in this network answered in good time."""
        self._standing.add(domain, network, now_s)
        self.silence.answers(domain)

    def offered_over_https(self, domain: str, now_s: float) -> None:
        """Record that Postfix offers a message for HTTPS delivery.

        Where SMTP comes first, SMTP has failed then. Messages of the first seconds were routed
        before the failure of HTTPS was known.
        """
        age_s = self._domains.age_s(domain, now_s)
        if age_s is not None and age_s > PAUSE_S:
            self.stalls(domain)

    def stalls(self, domain: str) -> None:
        """Record that the domain keeps a delivery waiting: it is unknown again."""
        self._standing.remove(domain)

    def worth_trying(self, host: str, domain: str, size_bytes: int, now_s: float) -> bool:
        """Whether to offer a message of that size to the host over HTTPS now."""
        refused_s, limit_bytes = self._too_large.get(host, (-REMEMBER_S, 0))
        if now_s - refused_s < REMEMBER_S and size_bytes >= limit_bytes:
            return False
        age_s = self._hosts.age_s(host, now_s)
        if age_s is None:
            return True
        # SMTP came first for this domain and failed: HTTPS is the only way left
        return age_s > PAUSE_S and self._domains.age_s(domain, now_s) is not None

    def host_answers(self, host: str) -> None:
        """Record that the host accepts mail over HTTPS, even if not this message."""
        self._hosts.remove(host)

    def host_fails(self, host: str, now_s: float) -> None:
        """Record that the host does not accept mail over HTTPS, or cannot be reached."""
        self._hosts.add(host, now_s)

    def too_large(self, host: str, size_bytes: int, now_s: float) -> None:
        """Record that the host answered 413 to a message of that size."""
        self._too_large[host] = (now_s, size_bytes)

    def domain_answers(self, domain: str) -> None:
        """Record that a host of the domain accepts mail over HTTPS."""
        self._domains.remove(domain)

    def domain_fails(self, domain: str, now_s: float, *, tried: bool) -> None:
        """Record that no host does; if none was tried now, an earlier failure keeps its time."""
        if tried or self._domains.age_s(domain, now_s) is None:
            self._domains.add(domain, now_s)
