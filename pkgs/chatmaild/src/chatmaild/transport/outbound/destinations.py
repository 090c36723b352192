"""Which way a destination is reached: remembered for half an hour, decided without waiting.

Postfix delivers and queues; this memory only tells it the order of the two ways. Over HTTPS first
and SMTP after it, or, where HTTPS failed lately, SMTP first and HTTPS after it: so a domain that
has just one of the two gets its mail whatever is remembered about it.
"""

from dataclasses import dataclass, field

from chatmaild.bounded import Bounded

# how long a failure puts SMTP first
REMEMBER_S = 1800.0
# after a failure nobody tries the host again for this long, so that a full queue does not wait
# for one dead host message by message
PAUSE_S = 10.0
# far more than a relay writes to in half an hour; a bound, because recipients choose the names
MAX_ENTRIES = 20_000


class Failures:
    """When something failed last, forgotten after `REMEMBER_S`."""

    def __init__(self) -> None:
        self._failed_s: Bounded[str, float] = Bounded(MAX_ENTRIES)

    def add(self, name: str, now_s: float) -> None:
        """Note a failure."""
        self._failed_s[name] = now_s

    def remove(self, name: str) -> None:
        """Note that it works."""
        self._failed_s.pop(name, None)

    def age_s(self, name: str, now_s: float) -> float | None:
        """Seconds since the failure, or None."""
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
    """What is known about HTTPS at domains and at their mail exchangers.

    Attributes:
        service: master.cf name of the smtp client that the answers choose.
        gateway: where our SMTP to HTTPS gateway listens, as a nexthop.
        local_domain: its mail never leaves.
    """

    service: str
    gateway: str
    local_domain: str
    _domains: Failures = field(default_factory=Failures)
    _hosts: Failures = field(default_factory=Failures)
    # smallest message that the host called too large, in bytes; beside the time of that answer
    _too_large: Bounded[str, tuple[float, int]] = field(
        default_factory=lambda: Bounded(MAX_ENTRIES)
    )

    def route(self, domain: str, now_s: float) -> str | None:
        """Postfix transport and nexthops of a domain (transport(5)), or None for a local one."""
        if not domain or domain == self.local_domain:
            return None
        if self._domains.age_s(domain, now_s) is None:
            return f"{self.service}:{self.gateway}, {domain}"
        return f"{self.service}:{domain}, {self.gateway}"

    def worth_trying(self, host: str, domain: str, size_bytes: int, now_s: float) -> bool:
        """Whether a message of that size should be offered to the host over HTTPS now."""
        refused_s, limit_bytes = self._too_large.get(host, (-REMEMBER_S, 0))
        if now_s - refused_s < REMEMBER_S and size_bytes >= limit_bytes:
            return False
        age_s = self._hosts.age_s(host, now_s)
        if age_s is None:
            return True
        # SMTP came first for this domain and did not deliver: then this is the only way left
        return age_s > PAUSE_S and self._domains.age_s(domain, now_s) is not None

    def host_answers(self, host: str) -> None:
        """The host takes mail over HTTPS, whatever it said to this message."""
        self._hosts.remove(host)

    def host_fails(self, host: str, now_s: float) -> None:
        """The host does not take mail over HTTPS, or cannot be reached."""
        self._hosts.add(host, now_s)

    def too_large(self, host: str, size_bytes: int, now_s: float) -> None:
        """The host refused a message of that size before reading it."""
        self._too_large[host] = (now_s, size_bytes)

    def domain_answers(self, domain: str) -> None:
        """One of the domain's hosts takes mail over HTTPS."""
        self._domains.remove(domain)

    def domain_fails(self, domain: str, now_s: float, *, tried: bool) -> None:
        """None of the domain's hosts does; if none was tried now, an older memory keeps its age."""
        if tried or self._domains.age_s(domain, now_s) is None:
            self._domains.add(domain, now_s)
