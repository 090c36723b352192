"""The hosts of a lab and their IP addresses, which are from the documentation ranges."""

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from chatmail_lab.errors import LabError

Kind = Literal["relay", "classic", "dns", "client"]
# what a relay does for its domain: everything, or its part of a cluster
Role = Literal["all", "front", "store"]

# RFC 5737 and RFC 3849: never routed, so no packet can leave by accident
NETWORK4 = ipaddress.ip_network("192.0.2.0/24")
NETWORK6 = ipaddress.ip_network("2001:db8::/64")

# the default route, which leads nowhere
GATEWAY4, GATEWAY6 = str(NETWORK4[254]), str(NETWORK6[254])

# last byte of the IP address of the first host of each kind
FIRST_NUMBER: Mapping[Kind, int] = {"client": 2, "relay": 11, "dns": 53, "classic": 101}
MAX_HOSTS: Mapping[Kind, int] = {"relay": 40, "classic": 40}

# a.test=2+3: two fronts and three stores
_CLUSTER = re.compile(r"([1-9][0-9]?)[+]([1-9][0-9]?)")
_DOMAIN = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9])?([.][a-z0-9_]([a-z0-9-]*[a-z0-9])?)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """One host of the lab.

    Attributes:
        name: Its name in the lab.
        domain: Its mail domain if it is a relay or classic server: the name, or that of another
            relay, whose next machine it is, or that of the cluster to which it belongs.
        role: Its part of a cluster.
    """

    name: str
    domain: str
    kind: Kind
    number: int
    ipv4: str
    ipv6: str
    role: Role = "all"

    @property
    def is_member(self) -> bool:
        """Whether it is one of several machines of its domain."""
        return self.role != "all"

    @property
    def is_published(self) -> bool:
        """Whether its domain's records in DNS lead to it, unless the domain moved."""
        return self.role == "front" or self.name == self.domain

    @property
    def member_name(self) -> str:
        """Its name in its cluster: the first label of its host name."""
        return self.name.partition(".")[0]

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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """A host that a word of the command line asks for."""

    name: str
    domain: str
    kind: Kind
    role: Role = "all"


def _checked(name: str) -> str:
    lower = name.lower()
    if not _DOMAIN.fullmatch(lower):
        raise LabError(f"'{name}' is no domain: use one like a.test")
    return lower


def _wanted_relays(word: str) -> list[_Wanted]:
    """Return the hosts of one word: a relay, the next machine of one, or a cluster."""
    left, _, right = word.partition("=")
    name = _checked(left)
    cluster = _CLUSTER.fullmatch(right)
    if cluster is None:
        return [_Wanted(name=name, domain=_checked(right or left), kind="relay")]
    if name[-1].isdigit():
        raise LabError(f"'{word}': a cluster needs a domain, not an IP address")
    roles: list[Role] = ["front", "store"]
    return [
        _Wanted(name=f"{role}{index}.{name}", domain=name, kind="relay", role=role)
        for role, number in zip(roles, cluster.groups(), strict=True)
        for index in range(1, int(number) + 1)
    ]


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
    `a.test=2+3` is a cluster: the fronts `front1.a.test`, `front2.a.test` and three stores.

    Raises:
        LabError: A name is no domain or appears twice, or there are too many hosts.
    """
    wanted = [
        _Wanted(name="dns", domain="dns", kind="dns"),
        _Wanted(name="client", domain="client", kind="client"),
        *(one for word in relays for one in _wanted_relays(word)),
        *(_Wanted(name=name, domain=name, kind="classic") for name in map(_checked, classics)),
    ]
    names = [one.name for one in wanted]
    # a cluster has no host with the name of its domain, but has this name in DNS
    names += dict.fromkeys(one.domain for one in wanted if one.role != "all")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise LabError(f"'{twice[0]}' is named twice")
    for kind, most in MAX_HOSTS.items():
        if sum(one.kind == kind for one in wanted) > most:
            raise LabError(f"at most {most} hosts of the kind '{kind}'")
    # the lab's own hosts first, then IP addresses, so that no other host gets theirs
    numbers: dict[str, int] = {}
    for one in sorted(wanted, key=lambda one: (one.kind in MAX_HOSTS, one.name[-1].isalpha())):
        numbers[one.name] = _number(one.name, FIRST_NUMBER[one.kind], set(numbers.values()))
    return tuple(
        Host(
            name=one.name,
            domain=one.domain,
            kind=one.kind,
            number=numbers[one.name],
            ipv4=str(NETWORK4[numbers[one.name]]),
            ipv6=str(NETWORK6[numbers[one.name]]),
            role=one.role,
        )
        for one in wanted
    )
