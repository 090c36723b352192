"""`lab up a.test=2+2`: two fronts and two stores of one domain."""

import json
import os
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from chatmail_lab import Lab, LabError
from chatmail_testkit.waiting import ANSWER_S, wait_for

# a busy machine makes addresses, too
CONFIG = Path(__file__).parents[1] / "e2e/lab.nix"
FRONTS = ("front1.a.test", "front2.a.test")
STORES = ("store1.a.test", "store2.a.test")
ADDRESS = "nine12345@a.test"
LOGIN = """
import imaplib, sys
with imaplib.IMAP4_SSL("a.test") as session:
    print(session.login(sys.argv[1], "a password of some length")[0])
"""
# connects to a port of several addresses
CONNECT = """
import socket, sys
for address in sys.argv[2:]:
    socket.create_connection((address, int(sys.argv[1])), timeout=1).close()
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Lab]:
    """A lab with a cluster alone."""
    made = Lab(f"test-{os.getpid()}-cluster")
    try:
        made.start(["a.test=2+2"], config=CONFIG)
        yield made
    finally:
        made.stop()


def test_the_domain_leads_to_its_fronts(cluster: Lab) -> None:
    """Every front has its IP addresses and its DKIM key there; a store has its own name alone."""
    records = _output(cluster, "dns", "cat", "/etc/unbound/zones/a.test.zone").splitlines()
    hosts = {host.name: host for host in cluster.hosts()}
    signs = {line.split()[0] for line in records if "._domainkey." in line and "p=" in line}

    assert signs >= {f"chatmail-front{number}._domainkey.a.test." for number in (1, 2)}
    for front in FRONTS:
        assert f"a.test. 1 IN A {hosts[front].ipv4}" in records
        assert f"a.test. 1 IN AAAA {hosts[front].ipv6}" in records
    for store in STORES:
        assert [line for line in records if hosts[store].ipv4 in line] == [
            f"{store}. 1 IN A {hosts[store].ipv4}"
        ]


def test_the_machines_have_a_tunnel(cluster: Lab) -> None:
    """Each front reaches each store at its address there, and nobody reaches it elsewhere."""
    settings = json.loads(cluster.relay(FRONTS[0]).read_file("/etc/chatmail/settings.json"))
    port = str(settings["ports"]["accounts"])
    inside = [store["address"] for store in settings["cluster"]["stores"].values()]

    for front in FRONTS:
        everywhere = ["python3", "-c", CONNECT, port, *inside]
        wait_for(partial(_succeeds, cluster, front, everywhere), f"the tunnel of {front}")
    for store in STORES:
        outside = ["python3", "-c", CONNECT, port, store]
        assert "refused" in cluster.relay(FRONTS[0]).exec(outside, check=False).stderr


def test_a_machine_returns_after_a_power_cut(cluster: Lab) -> None:
    """Its disk stays, and the others run meanwhile."""
    login = ("python3", "-c", LOGIN, ADDRESS)
    wait_for(lambda: "OK" in _output(cluster, "client", *login), "a login")
    mailbox = ["test", "-d", f"/var/lib/chatmail/mail/{ADDRESS}"]
    [home] = [store for store in STORES if _succeeds(cluster, store, mailbox)]
    cluster.stop_host(home)

    with pytest.raises(LabError, match=f"{home} does not run"):
        cluster.relay(home).exec(["true"])
    assert cluster.relay(FRONTS[0]).is_active("dovecot")
    cluster.start_host(home)
    with pytest.raises(LabError, match=f"{home} is up already"):
        cluster.start_host(home)
    wait_for(lambda: "OK" in _output(cluster, "client", *login), "a login")
    assert [store for store in STORES if _succeeds(cluster, store, mailbox)] == [home]


def _succeeds(lab: Lab, host: str, command: list[str]) -> bool:
    return lab.relay(host).exec(command, check=False).returncode == 0


def _output(lab: Lab, host: str, *command: str) -> str:
    """Return what a command prints; it may fail."""
    done = subprocess.run(
        lab.command(host, command), capture_output=True, text=True, timeout=ANSWER_S, check=False
    )
    return done.stdout
