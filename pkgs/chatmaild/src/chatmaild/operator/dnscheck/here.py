"""Facts about this machine, to compare records with."""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509

from chatmaild.net.translated import is_translated as is_translated
from chatmaild.operator.acme.orders import orders_of, registration
from chatmaild.operator.cluster.fronts import Front, leads_to, other_fronts
from chatmaild.operator.dnscheck.published import Published, host
from chatmaild.settings import Settings

# public IP addresses; connecting a UDP socket sends nothing
_OUTSIDE: Final = {"A": (socket.AF_INET, "9.9.9.9"), "AAAA": (socket.AF_INET6, "2620:fe::fe")}


def own_address(kind: str) -> str | None:
    """Return the source IP address of connections to the Internet, for `A` or `AAAA`."""
    family, outside = _OUTSIDE[kind]
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((outside, 53))
            return str(probe.getsockname()[0])
    except OSError:
        return None


def has_address(address: str) -> bool:
    """Whether an interface has the IP address: only then a socket can be bound to it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Here:
    """This machine.

    Attributes:
        sources: source IP addresses of connections to the Internet, by `A` and `AAAA`.
        has: whether an interface has an IP address.
        certificates: the certificate in use and its chain; empty if unreadable.
        accounts: URLs of the accounts at the certificate authority; empty if unknown.
        fronts: the other fronts of this relay.
    """

    sources: dict[str, str]
    has: Callable[[str], bool] = has_address
    certificates: tuple[x509.Certificate, ...] = ()
    accounts: tuple[str, ...] = ()
    fronts: tuple[Front, ...] = ()

    def is_ours(self, address: str) -> bool:
        """Whether a published IP address leads here, or to another front."""
        return self.is_mine(address) or leads_to(self.fronts, address)

    def is_mine(self, address: str) -> bool:
        """Whether a published IP address leads here; behind a router, any public one may."""
        source = self.sources.get("AAAA" if ":" in address else "A")
        if source is not None and is_translated(source) and not is_translated(address):
            return True
        return self.has(address)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The input of a judgement.

    Attributes:
        domain: the mail domain, which is also the host name.
        zone: name of the zone that holds the domain; empty if unknown.
        checks_certificate: whether others check the certificate of this relay.
    """

    published: Published
    here: Here
    domain: str
    zone: str = ""
    checks_certificate: bool = True

    @property
    def certified(self) -> frozenset[str]:
        """The names in the certificate."""
        return frozenset((self.domain, f"www.{self.domain}", f"mta-sts.{self.domain}"))

    def foreign(self, name: str) -> tuple[str, ...]:
        """Return the IP addresses of a name that do not lead to this relay."""
        addresses = self.published.addresses(name)
        return tuple(a for a in addresses if not self.here.is_ours(a))

    def sending(self) -> tuple[str, ...]:
        """Return the public source IP addresses of mail from this machine."""
        found: list[str] = []
        for kind, source in self.here.sources.items():
            if is_translated(source):
                found += self.published.values(self.domain, kind)
            else:
                found.append(source)
        return tuple(found)

    def enter(self, name: str, kind: str, value: str) -> str:
        """Return the sentence that says what to enter at the DNS provider."""
        short, zone = host(name), host(self.zone)
        if zone and short == zone:
            place = f"in the zone {zone}, name @ (the zone itself)"
        elif zone and short.endswith(f".{zone}"):
            place = f"in the zone {zone}, name {short.removesuffix(f'.{zone}')}"
        else:
            place = f"name {short}"
        return f"enter {place}, type {kind}, value {value}"


def sources_of_machine() -> dict[str, str]:
    """Return the source IP addresses of connections to the Internet, by `A` and `AAAA`."""
    found = {kind: own_address(kind) for kind in _OUTSIDE}
    return {kind: address for kind, address in found.items() if address is not None}


def here_of(settings: Settings) -> Here:
    """Return the facts of this machine."""
    network = settings.network
    used = {"A": network.ipv4, "AAAA": network.ipv6}
    return Here(
        sources={kind: a for kind, a in sources_of_machine().items() if used[kind]},
        certificates=_certificates(Path(settings.tls.certificate_file)),
        accounts=acme_accounts(settings),
        fronts=other_fronts(settings),
    )


def acme_accounts(settings: Settings) -> tuple[str, ...]:
    """Return the URL of the account with which this machine orders its certificate.

    Where NixOS does not tell which one that is: the URLs of all accounts on the machine.
    """
    if settings.tls.mode != "acme":
        return ()
    if orders := orders_of(settings):
        files = [orders.account_file]
    else:
        top = Path(settings.tls.certificate_file).parent.parent
        files = list((top / ".lego" / "accounts").rglob("account.json"))
    return tuple(sorted({str(found["uri"]) for file in files if (found := registration(file))}))


def _certificates(file: Path) -> tuple[x509.Certificate, ...]:
    try:
        return tuple(x509.load_pem_x509_certificates(file.read_bytes()))
    except (OSError, ValueError):
        return ()
