"""The hosts of a lab and their IP addresses."""

import pytest

from chatmail_lab.errors import LabError
from chatmail_lab.plan import plan_hosts


def test_a_lab_has_a_name_server_a_client_and_the_named_relays() -> None:
    """Relays are numbered in the order of their names."""
    hosts = plan_hosts(["a.test", "B.test"])

    assert [(host.name, host.kind, host.ipv4) for host in hosts] == [
        ("dns", "dns", "192.0.2.53"),
        ("client", "client", "192.0.2.2"),
        ("a.test", "relay", "192.0.2.11"),
        ("b.test", "relay", "192.0.2.12"),
    ]


def test_a_relay_named_by_an_ip_address_gets_this_address() -> None:
    """No other host gets it, whatever the order."""
    hosts = plan_hosts(["a.test", "192.0.2.11"])

    assert {host.name: host.ipv4 for host in hosts if host.kind == "relay"} == {
        "a.test": "192.0.2.12",
        "192.0.2.11": "192.0.2.11",
    }


def test_classic_servers_have_numbers_of_their_own() -> None:
    """They do not change the relays' numbers."""
    hosts = plan_hosts(["a.test"], ["c.test"])

    assert (hosts[3].name, hosts[3].kind, hosts[3].ipv4) == ("c.test", "classic", "192.0.2.101")


def test_a_second_machine_has_the_domain_of_a_relay() -> None:
    """It has a name and addresses of its own."""
    hosts = plan_hosts(["a.test", "new.test=A.test"], ["c.test"])

    assert [(host.name, host.domain, host.ipv4) for host in hosts[2:]] == [
        ("a.test", "a.test", "192.0.2.11"),
        ("new.test", "a.test", "192.0.2.12"),
        ("c.test", "c.test", "192.0.2.101"),
    ]


def test_a_cluster_has_fronts_and_stores_of_one_domain() -> None:
    """Each machine is a host with a name of its own; none has the name of the domain."""
    hosts = plan_hosts(["A.test=2+3", "b.test"])

    assert [(host.name, host.domain, host.role, host.ipv4) for host in hosts[2:]] == [
        ("front1.a.test", "a.test", "front", "192.0.2.11"),
        ("front2.a.test", "a.test", "front", "192.0.2.12"),
        ("store1.a.test", "a.test", "store", "192.0.2.13"),
        ("store2.a.test", "a.test", "store", "192.0.2.14"),
        ("store3.a.test", "a.test", "store", "192.0.2.15"),
        ("b.test", "b.test", "all", "192.0.2.16"),
    ]
    assert [host.member_name for host in hosts if host.is_member] == [
        *("front1", "front2", "store1", "store2", "store3"),
    ]


@pytest.mark.parametrize(
    ("relays", "message"),
    [
        (["nodot"], "no domain"),
        (["a b.test"], "no domain"),
        (["-a.test"], "no domain"),
        (["new.test=a b"], "no domain"),
        (["a.test", "A.test"], "named twice"),
        (["a.test=1+1", "a.test"], "'a.test' is named twice"),
        (["a.test=1+1", "a.test=1+2"], "'front1.a.test' is named twice"),
        (["a.test=0+1"], "no domain"),
        (["a.test=1+1+1"], "no domain"),
        (["192.0.2.77=1+1"], "needs a domain"),
        (["203.0.113.1"], "not in the lab's network"),
        (["192.0.2.2"], "taken by another host"),
        (["192.0.2.254"], "not in the lab's network"),
        ([f"r{n}.test" for n in range(41)], "at most 40"),
        (["a.test=20+20", "b.test"], "at most 40"),
    ],
)
def test_invalid_names_are_refused(relays: list[str], message: str) -> None:
    """The message says which rule is broken."""
    with pytest.raises(LabError, match=message):
        plan_hosts(relays)


@pytest.mark.parametrize(
    ("name", "hostname", "dns_name"),
    [
        ("a.test", "a.test", "a.test"),
        ("_c.test", "relay11", "_c.test"),
        ("192.0.2.77", "relay77", "relay77.test"),
    ],
)
def test_host_names_are_valid(name: str, hostname: str, dns_name: str) -> None:
    """A mail domain may be an invalid host name."""
    host = plan_hosts([name])[-1]

    assert (hostname, dns_name) == (host.hostname, host.dns_name)


def test_interface_names_fit_the_kernel() -> None:
    """At most 15 characters."""
    hosts = plan_hosts([f"r{n}.test" for n in range(40)], [f"c{n}.test" for n in range(40)])

    assert max(len(host.link) for host in hosts) <= 15
    assert len({host.ipv4 for host in hosts}) == len(hosts)
