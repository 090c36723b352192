"""Calls use the TURN server (RFC 8656) with the credential from IMAP METADATA."""

from __future__ import annotations

import secrets
import socket
import time

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.reach.front import ip_address
from chatmail_testkit.relays.target import Machine, Target
from chatmail_testkit.waiting import wait_for

KEY = "/shared/vendor/deltachat/turn"
SECRET = "/var/lib/chatmail/turn/secret"
DAY_S = 86400
# an echo peer, and a client that sends it two messages through the server
CALL = """
peer_address=$1 port=$2; shift 2
turnutils_peer -L "$peer_address" -p "$port" >/dev/null 2>&1 & peer=$!
trap 'kill $peer' EXIT
until ss -Hlun sport = ":$port" | grep -q .; do kill -0 $peer || exit; done
timeout 10 turnutils_uclient -c -n 2 -r "$port" -e "$peer_address" "$@" 2>&1 || true
"""
# asks for a permission for each peer; a new user name each time, because quotas are per name
ASK = """
secret=$1 name=$2 server=$3; shift 3
for peer; do
  case $peer in *:*) family=-x ;; *) family=-X ;; esac
  set -- -c -n 1 $family -u "$name-$peer" -W "$secret" -e "$peer" "$server"
  echo "$peer" $(timeout 5 turnutils_uclient "$@" 2>&1)
done
"""
FORBIDDEN = [
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "192.168.1.1",
    "0.0.0.0",
    "224.0.0.1",
    "::1",
    "::ffff:10.0.0.1",
    "64:ff9b::a00:1",
    "fd00::1",
    "fe80::1",
    "198.18.0.1",
    "192.88.99.1",
    "::",
    "::127.0.0.1",
    "64:ff9b:1::1",
    "2001::1",
    "2002:7f00:1::1",
    "2001:2::1",
    "3fff::1",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_media_is_relayed(
    family: socket.AddressFamily,
    alice: Person,
    target: Target,
    other_relay: str,
    other_machine: Machine,
) -> None:
    """A remote host sends through the server and gets the answer."""
    host, port, name, password = _credential(alice)
    peer = str(socket.getaddrinfo(target.host(other_relay), 25, family)[0][4][0])
    option = "-x" if family == socket.AF_INET6 else "-X"

    said = _call(other_machine, peer, option, "-p", port, "-u", name, "-w", password, host)

    assert "tot_send_msgs=2, tot_recv_msgs=2" in said


def test_the_credential_expires(alice: Person, relay: str) -> None:
    """It expires after one to five days; clients get a new one 12 hours earlier."""
    host, port, name, _ = _credential(alice)

    assert (host, port) == (relay, "3478")
    assert DAY_S - 60 < int(name) - time.time() <= 5 * DAY_S


@pytest.mark.parametrize("wrong", ["password", "end"])
def test_wrong_credentials_are_refused(wrong: str, alice: Person, other_machine: Machine) -> None:
    """A password of another secret and a changed expiry are both refused."""
    host, _, name, password = _credential(alice)
    if wrong == "password":
        password = password[::-1]
    else:
        name = str(int(name) + DAY_S)

    said = _call(other_machine, "127.0.0.1", "-u", name, "-w", password, host)

    assert "Cannot complete Allocation" in said


def test_private_networks_are_refused(relay: str, target: Target, machine: Machine) -> None:
    """The relay's own IP addresses and special networks are refused in every notation."""
    host, machine = ip_address(target, relay, socket.AF_INET), machine.fronts[0]
    secret = machine.run("cat", SECRET).strip()
    name = secrets.token_hex(4)
    own = machine.run("hostname", "--all-ip-addresses").split()

    said = machine.run("sh", "-c", ASK, "ask", secret, name, host, *own, *FORBIDDEN)

    reached = [line for line in said.splitlines() if "Forbidden IP" not in line]
    assert reached == []


def test_the_quota_is_per_person(
    alice: Person,
    bob: Person,
    relay: str,
    other_relay: str,
    target: Target,
    other_machine: Machine,
) -> None:
    """Another credential, a second later, does not give another 20 allocations (486)."""
    peer = ip_address(target, other_relay, socket.AF_INET)
    host = ip_address(target, relay, socket.AF_INET)
    _, port, name, password = _credential(alice)
    began_s = int(time.time())
    said = _call(
        other_machine, peer, "-X", "-m", "30", "-p", port, "-u", name, "-w", password, host
    )
    assert "Quota" in said

    wait_for(lambda: int(time.time()) > began_s, "a second later", within_s=3)
    again, others = _credential(alice), _credential(bob)
    said = _call(other_machine, peer, "-X", "-p", port, "-u", again[2], "-w", again[3], host)
    assert "Quota" in said
    said = _call(other_machine, peer, "-X", "-p", port, "-u", others[2], "-w", others[3], host)
    assert "tot_send_msgs=2, tot_recv_msgs=2" in said


def _credential(person: Person) -> list[str]:
    """Return host, port, user name and password."""
    return (person.imap.get_metadata("", KEY)[KEY] or "").split(":")


def _call(machine: Machine, peer: str, *options: str) -> str:
    """Return the output of a client that calls this IP address from a host."""
    port = str(20000 + secrets.randbelow(10000))
    return machine.run("sh", "-c", CALL, "call", peer, port, *options)
