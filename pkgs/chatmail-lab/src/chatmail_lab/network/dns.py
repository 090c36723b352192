"""DNS of the lab: zones, and an unbound that serves them as an authoritative name server."""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from chatmail_lab.plan import Host
from chatmail_lab.render.files import File, text_file

CONTROL_SOCKET = "/run/unbound.ctl"
CONFIG_FILE = "/etc/unbound/lab.conf"
ZONE_DIRECTORY = "/etc/unbound/zones"

# zones that the lab serves, and that unbound answers as empty by default (RFC 6303, RFC 6761)
REVERSE4 = "2.0.192.in-addr.arpa."
REVERSE6 = "8.b.d.0.1.0.0.2.ip6.arpa."
BUILT_IN = ("test.", REVERSE4, REVERSE6)

# a domain with a null MX: it accepts no mail (RFC 7505)
NO_MAIL = "no-mail.test"
# a foreign domain whose host is in a private network, which relays must not connect to
INTO_PRIVATE = "private.test"
PRIVATE_ADDRESSES = {"A": "10.66.0.1", "AAAA": "fd66::1"}
# every name below it leads to the client, where scenarios run servers
WILDCARD = "*.trap.test"
# the only domain that relays write to without TLS; in the lab its MX is the client
WITHOUT_TLS = "nauta.cu"

# Domains without a server that publish the DKIM keys of the first relay. One name with a sharp s
# becomes the first by IDNA2008 and the second by IDNA2003.
SAME_DKIM_KEYS = ("xn--fu-hia.test", "fuss.test")
DKIM_NAME = "._domainkey."

# short, so that a changed record is visible at once
TTL_S = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A resource record: `name` fully qualified, `data` as in a zone file (RFC 1035 section 5)."""

    name: str
    type: str
    data: str

    def line(self) -> str:
        """Return the record as a line of a zone file."""
        return f"{self.name.rstrip('.')}. {TTL_S} IN {self.type} {self.data}"


def parse_zone(text: str) -> list[Record]:
    """Return the records of a simple zone: one a line, full names, comments start with `;`."""
    records = []
    for line in text.splitlines():
        if line.strip() and not line.startswith(";"):
            name, _, _, kind, data = line.split(maxsplit=4)
            records.append(Record(name=name, type=kind, data=data))
    return records


def zone_file(origin: str, records: Sequence[Record], *, server: Host) -> str:
    """Return the text of a zone: SOA, NS, then its records."""
    top = f"{origin.rstrip('.')}."
    name_server = "ns.lab.test."
    lines = [
        f"{top} {TTL_S} IN SOA {name_server} hostmaster.lab.test. 1 3600 600 86400 {TTL_S}",
        f"{top} {TTL_S} IN NS {name_server}",
        *(record.line() for record in records),
    ]
    if top == "test.":
        lines += [
            f"{name_server} {TTL_S} IN A {server.ipv4}",
            f"{name_server} {TTL_S} IN AAAA {server.ipv6}",
        ]
    return "\n".join(lines) + "\n"


def reverse_zones(hosts: Sequence[Host]) -> dict[str, list[Record]]:
    """Return the reverse zones: PTR records from IP addresses to host names."""
    pointers: dict[str, list[Record]] = {REVERSE4: [], REVERSE6: []}
    for host in hosts:
        for address, zone in ((host.ipv4, REVERSE4), (host.ipv6, REVERSE6)):
            name = ipaddress.ip_address(address).reverse_pointer
            pointers[zone].append(Record(name=name, type="PTR", data=f"{host.dns_name}."))
    return pointers


def address_records(name: str, host: Host) -> list[Record]:
    """Return A and AAAA of a name that leads to a host."""
    return [
        Record(name=name, type="A", data=host.ipv4),
        Record(name=name, type="AAAA", data=host.ipv6),
    ]


def host_records(host: Host) -> list[Record]:
    """Return the IP addresses of a host, and its MX if it has the name of a mail domain."""
    addresses = address_records(host.dns_name, host)
    return addresses if host.is_member else [*addresses, _own_mx(host.dns_name)]


def _own_mx(name: str) -> Record:
    return Record(name=name, type="MX", data=f"10 {name}.")


def all_zones(
    hosts: Sequence[Host], published: Mapping[str, Sequence[Record]]
) -> dict[str, Sequence[Record]]:
    """Return every zone of the lab by origin; `published` are the hosts' own records by domain.

    The root zone is empty, so no other name exists.
    """
    zones: dict[str, list[Record]] = {".": [], **reverse_zones(hosts)}
    zones |= {f"{domain}.": [*records] for domain, records in published.items() if records}
    zones[f"{WITHOUT_TLS}."] = [Record(name=WITHOUT_TLS, type="MX", data="10 client.test.")]
    common = [Record(name=NO_MAIL, type="MX", data="0 ."), *_copied_dkim_keys(published)]
    common += [
        Record(name=INTO_PRIVATE, type=kind, data=data) for kind, data in PRIVATE_ADDRESSES.items()
    ]
    common += [
        Record(name=WILDCARD, type="A", data=host.ipv4) for host in hosts if host.kind == "client"
    ]
    zones["test."] = common
    printed = {f"{domain}." for domain, records in published.items() if records}
    for host in hosts:
        if f"{host.dns_name}." not in printed:
            _add(zones, host_records(host))
        if host.role == "front" and f"{host.domain}." not in printed:
            _add(zones, [*address_records(host.domain, host), _own_mx(host.domain)])
    return {**zones}


def _add(zones: dict[str, list[Record]], records: Sequence[Record]) -> None:
    """Add new records of one name to the zone above it, or to one of its own."""
    labels = f"{records[0].name}.".split(".")
    above = [".".join(labels[first:]) for first in range(len(labels) - 1)]
    origin = next((origin for origin in above if origin in zones), above[0])
    zone = zones.setdefault(origin, [])
    zone += [record for record in records if record not in zone]


def _copied_dkim_keys(published: Mapping[str, Sequence[Record]]) -> list[Record]:
    first = next(iter(published.values()), [])
    return [
        replace(record, name=record.name.partition(DKIM_NAME)[0] + DKIM_NAME + domain)
        for domain in SAME_DKIM_KEYS
        for record in first
        if DKIM_NAME in record.name and record.type == "TXT"
    ]


def server_files(zones: dict[str, str]) -> list[File]:
    """Return configuration and zone files of the name server; `zones` are texts by origin."""
    lines = [
        "server:",
        "  interface: 0.0.0.0",
        "  interface: ::0",
        "  access-control: 0.0.0.0/0 allow",
        "  access-control: ::0/0 allow",
        *(f'  local-zone: "{zone}" nodefault' for zone in BUILT_IN),
        '  directory: "/etc/unbound"',
        '  username: "unbound"',
        '  chroot: ""',
        '  pidfile: ""',
        '  module-config: "iterator"',
        "  use-syslog: no",
        "  cache-max-negative-ttl: 0",
        "  cache-max-ttl: 1",
        "  minimal-responses: no",
        "remote-control:",
        "  control-enable: yes",
        f'  control-interface: "{CONTROL_SOCKET}"',
        "  control-use-cert: no",
    ]
    for origin in zones:
        lines += [
            "auth-zone:",
            f'  name: "{origin}"',
            f'  zonefile: "{zone_path(origin)}"',
            "  for-downstream: yes",
            "  for-upstream: yes",
        ]
    return [
        text_file(CONFIG_FILE, "\n".join(lines) + "\n"),
        *(text_file(zone_path(origin), content) for origin, content in zones.items()),
    ]


def zone_path(origin: str) -> str:
    """Return the file of a zone on the name server."""
    return f"{ZONE_DIRECTORY}/{origin.strip('.') or 'root'}.zone"
