"""The hosts of a lab and their IP addresses, which are from the documentation ranges."""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from chatmail_lab.errors import LabError

Kind = Literal["relay", "classic", "dns", "client"]

# RFC 5737 and RFC 3849: never routed, so no packet can leave by accident
NETWORK4 = ipaddress.ip_network("192.0.2.0/24")
NETWORK6 = ipaddress.ip_network("2001:db8::/64")

# the default route, which leads nowhere
GATEWAY4, GATEWAY6 = str(NETWORK4[254]), str(NETWORK6[254])

CLIENT_NUMBER = 2
DNS_NUMBER = 53
FIRST_RELAY_NUMBER = 11
FIRST_CLASSIC_NUMBER = 101
MAX_RELAYS = 40
MAX_CLASSICS = 40

_DOMAIN = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9])?([.][a-z0-9_]([a-z0-9-]*[a-z0-9])?)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """One host of the lab.

    Attributes:
        name: Its name in the lab.
        domain: Its mail domain if it is a relay or classic server: the name, or that of another
            relay, whose next machine it is.
    """

    name: str
    domain: str
    kind: Kind
    number: int
    ipv4: str
    ipv6: str

    @property
    def link(self) -> str:
        """Its port of the bridge (an interface name: at most 15 characters)."""
        return f"port{self.number}"

    @property
    def machine(self) -> str:
        """Its machine name, which systemd accepts whatever the domain is."""
        return f"{self.kind}{self.number}"

    @property
    def hostname(self) -> str:
        """Its host name; not every mail domain is a valid one (RFC 952)."""
        return self.machine if "_" in self.name or self.name == self.ipv4 else self.name

    @property
    def dns_name(self) -> str:
        """Its name in the lab's DNS."""
        if self.name == self.ipv4:
            return f"{self.machine}.test"
        return self.name if "." in self.name else f"{self.name}.test"

    @property
    def is_booted(self) -> bool:
        """Whether it boots an operating system."""
        return self.kind in ("relay", "classic")


def _host(name: str, kind: Kind, number: int, domain: str | None = None) -> Host:
    return Host(
        name=name,
        domain=domain or name,
        kind=kind,
        number=number,
        ipv4=str(NETWORK4[number]),
        ipv6=str(NETWORK6[number]),
    )


def _checked(name: str) -> str:
    lower = name.lower()
    if not _DOMAIN.fullmatch(lower):
        raise LabError(f"'{name}' is no domain: use one like a.test")
    return lower


def _number(name: str, fallback: int, taken: set[int]) -> int:
    """Return the last byte of a host's IP addresses; a name that is one decides itself."""
    try:
        literal = ipaddress.IPv4Address(name)
    except ValueError:
        number = fallback
        while number in taken:
            number += 1
        return number
    if literal not in NETWORK4 or literal in (NETWORK4[0], NETWORK4[254], NETWORK4[255]):
        raise LabError(f"'{name}' is not in the lab's network {NETWORK4}")
    number = int(literal) - int(NETWORK4[0])
    if number in taken:
        raise LabError(f"'{name}' is taken by another host of the lab")
    return number


def plan_hosts(relays: Sequence[str], classics: Sequence[str] = ()) -> tuple[Host, ...]:
    """Return all hosts of a lab: the name server, the client, the relays, the classic servers.

    `new.test=a.test` is a host `new.test` with the configuration of the relay `a.test`.

    Raises:
        LabError: A name is no domain or appears twice, or there are too many names.
    """
    split = [text.partition("=") for text in (*relays, *classics)]
    names = [_checked(name) for name, _, _ in split]
    domains = {_checked(name): _checked(domain or name) for name, _, domain in split}
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise LabError(f"'{twice[0]}' is named twice")
    if len(relays) > MAX_RELAYS or len(classics) > MAX_CLASSICS:
        raise LabError(f"at most {MAX_RELAYS} relays and {MAX_CLASSICS} classic servers")
    hosts = [_host("dns", "dns", DNS_NUMBER), _host("client", "client", CLIENT_NUMBER)]
    taken = {host.number for host in hosts}
    wanted: list[tuple[str, Kind, int]] = [
        *((name, "relay", FIRST_RELAY_NUMBER) for name in names[: len(relays)]),
        *((name, "classic", FIRST_CLASSIC_NUMBER) for name in names[len(relays) :]),
    ]
    # IP addresses first, so that no other host gets theirs
    numbers: dict[str, int] = {}
    for name, _, first in sorted(wanted, key=lambda item: item[0][-1].isalpha()):
        numbers[name] = _number(name, first, taken)
        taken.add(numbers[name])
    return (*hosts, *(_host(name, kind, numbers[name], domains[name]) for name, kind, _ in wanted))
