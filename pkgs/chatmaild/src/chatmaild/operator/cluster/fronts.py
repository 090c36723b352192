"""The other fronts of a relay on several machines: DNS names all of them, and each has a key."""

import ipaddress
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from chatmaild.net.translated import is_translated
from chatmaild.operator.dnscheck.findings import Finding, good, missing, wrong
from chatmaild.operator.dnscheck.published import Published
from chatmaild.settings import DnsRecord, Settings

# host name -> its IP addresses; none without an answer
Resolve = Callable[[str], Iterable[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """Another front.

    Attributes:
        addresses: its public IP addresses, as far as `cluster.fronts` names them: the machines may
            reach each other by IPv4 alone, or in a private network.
        key_name: where its DKIM key is published.
    """

    name: str
    addresses: tuple[str, ...]
    key_name: str

    def of_kind(self, kind: str) -> list[str]:
        """Return its addresses for `A` or `AAAA`."""
        return [address for address in self.addresses if kind_of(address) == kind]


def kind_of(address: str) -> str:
    """Return the type of the record with an IP address."""
    return "AAAA" if ":" in address else "A"


def other_fronts(settings: Settings, resolve: Resolve | None = None) -> tuple[Front, ...]:
    """Return all fronts but this machine; none on a relay of one machine."""
    cluster = settings.cluster
    if cluster.role != "front":
        return ()
    selector = settings.dkim.selector.removesuffix(f"-{cluster.machine}")
    return tuple(
        Front(
            name=name,
            addresses=tuple(filter(_is_public, (resolve or _resolved)(front.host))),
            key_name=f"{selector}-{name}._domainkey.{settings.mail_domain}",
        )
        for name, front in sorted(cluster.fronts.items())
        if name != cluster.machine
    )


def addresses_of(fronts: Iterable[Front], mail_domain: str) -> list[DnsRecord]:
    """Return the address records of these fronts."""
    return [
        DnsRecord(
            name=mail_domain,
            type=kind_of(address),
            required=True,
            value=address,
        )
        for front in fronts
        for address in front.addresses
    ]


def advice(fronts: Iterable[Front], kinds: Iterable[str]) -> list[str]:
    """Return lines for the operator: what to publish besides, and where to read it."""
    lines = []
    for front in fronts:
        unknown = [kind for kind in kinds if not front.of_kind(kind)]
        what = [front.key_name, *(f"its {kind} record, if it has one" for kind in unknown)]
        there = f"`chatmail dns` prints that on {front.name}"
        lines.append(f"also publish for {front.name}: {', '.join(what)}; {there}")
    return lines


def leads_to(fronts: Iterable[Front], address: str) -> bool:
    """Whether a published IP address may be that of one of these fronts."""
    kind = kind_of(address)
    return any(address in front.addresses or not front.of_kind(kind) for front in fronts)


def keys(fronts: Iterable[Front], published: Published) -> list[Finding]:
    """Judge whether the key of each front is published; the machine itself knows which it is."""
    from chatmaild.dkim.records import parse_record

    found = []
    for front in fronts:
        record = DnsRecord(name=front.key_name, type="TXT", required=False)
        texts = published.texts(front.key_name)
        hint = f"publish what `chatmail dns` prints on {front.name}"
        if not texts:
            problem = f"other servers refuse mail that {front.name} sends: its key is missing"
            found.append(missing(record, problem, hint))
        elif len(texts) > 1 or parse_record(texts[0]) is None:
            problem = f"other servers refuse mail that {front.name} sends: not one usable key"
            found.append(wrong(record, texts, problem, hint))
        else:
            found.append(good(record, texts))
    return found


def _is_public(address: str) -> bool:
    return not is_translated(address) and not ipaddress.ip_address(address).is_loopback


def _resolved(host: str) -> list[str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
