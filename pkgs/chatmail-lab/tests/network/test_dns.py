"""The zones of the lab's name server."""

from collections.abc import Sequence

from chatmail_lab.network import dns
from chatmail_lab.plan import plan_hosts

HOSTS = plan_hosts(["a.test", "b.example", "192.0.2.77"])
SERVER = HOSTS[0]

PRINTED = """; the records of a.test
a.test. 3600 IN A 192.0.2.11
a.test. 3600 IN MX 10 a.test.

k._domainkey.a.test. 3600 IN TXT "v=DKIM1;k=rsa;p=AA" "BB;s=email"
; a.test. 3600 IN AAAA (this machine has no such address)
"""


def test_a_printed_zone_is_read_without_its_comments() -> None:
    """Data may contain spaces."""
    records = dns.parse_zone(PRINTED)

    assert [
        dns.Record(name="a.test.", type="A", data="192.0.2.11"),
        dns.Record(name="a.test.", type="MX", data="10 a.test."),
        dns.Record(
            name="k._domainkey.a.test.", type="TXT", data='"v=DKIM1;k=rsa;p=AA" "BB;s=email"'
        ),
    ] == records


def test_a_zone_file_begins_with_soa_and_ns() -> None:
    """RFC 1035 section 5.2; then the records, with a short TTL."""
    text = dns.zone_file("a.test.", dns.parse_zone(PRINTED), server=SERVER)

    assert text.splitlines()[:3] == [
        "a.test. 1 IN SOA ns.lab.test. hostmaster.lab.test. 1 3600 600 86400 1",
        "a.test. 1 IN NS ns.lab.test.",
        "a.test. 1 IN A 192.0.2.11",
    ]


def test_hosts_without_a_zone_of_their_own_have_addresses_and_an_mx() -> None:
    """Below test. they share a zone, elsewhere each one has its own."""
    zones = dns.all_zones(HOSTS, {"a.test": dns.parse_zone(PRINTED), "192.0.2.77": []})

    assert {
        ".",
        "test.",
        "a.test.",
        "b.example.",
        "2.0.192.in-addr.arpa.",
        "8.b.d.0.1.0.0.2.ip6.arpa.",
        "nauta.cu.",
    } == set(zones)
    assert [record.name for record in zones["test."] if record.type == "MX"] == [
        "no-mail.test",
        "dns.test",
        "client.test",
        "relay77.test",
    ]


def test_reverse_zones_map_ip_addresses_to_names() -> None:
    """For IPv4 and IPv6."""
    zones = dns.reverse_zones(HOSTS)

    assert (
        zones[dns.REVERSE4][2].name,
        zones[dns.REVERSE4][2].data,
    ) == ("11.2.0.192.in-addr.arpa", "a.test.")
    assert zones[dns.REVERSE6][2].name.startswith("b.0.0.0.")


def test_every_zone_is_configured_with_its_file() -> None:
    """The configuration names the file of each zone."""
    files = {
        file.path: file.content.decode() for file in dns.server_files({".": "x", "a.test.": "y"})
    }

    assert files["/etc/unbound/zones/root.zone"] == "x"
    assert 'zonefile: "/etc/unbound/zones/a.test.zone"' in files[dns.CONFIG_FILE]


def test_machines_of_a_cluster_have_names_below_their_domain() -> None:
    """Their domain leads to the fronts before it has a zone, too; then the zone has the names."""
    hosts = plan_hosts(["a.test=2+1"])
    before = dns.all_zones(hosts, {})
    after = dns.all_zones(hosts, {"a.test": dns.parse_zone(PRINTED)})
    names = ["front1.a.test", "front2.a.test", "store1.a.test"]

    assert [record.line() for record in before["test."] if record.name == "a.test"] == [
        "a.test. 1 IN A 192.0.2.11",
        "a.test. 1 IN AAAA 2001:db8::b",
        "a.test. 1 IN MX 10 a.test.",
        "a.test. 1 IN A 192.0.2.12",
        "a.test. 1 IN AAAA 2001:db8::c",
    ]
    assert _names_of(before["test."]) >= {*names, "a.test"}
    assert _names_of(after["a.test."]) == {*names, "a.test.", "k._domainkey.a.test."}
    assert not _names_of(after["test."]) & {*names, "a.test"}


def _names_of(records: Sequence[dns.Record]) -> set[str]:
    return {record.name for record in records}
