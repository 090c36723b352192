"""Calls go through the TURN server (RFC 8656), with the credential that IMAP METADATA gives."""

from __future__ import annotations

import secrets
import socket
import time

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Machine, Target

KEY = "/shared/vendor/deltachat/turn"
SECRET = "/var/lib/chatmail/turn/secret"
DAY_S = 86400
# a peer that sends back what it gets, and a client that sends it two messages by way of the server
CALL = """
peer_address=$1 port=$2; shift 2
turnutils_peer -L "$peer_address" -p "$port" >/dev/null 2>&1 & peer=$!
trap 'kill $peer' EXIT
until ss -Hlun sport = ":$port" | grep -q .; do kill -0 $peer || exit; done
timeout 10 turnutils_uclient -c -n 2 -r "$port" -e "$peer_address" "$@" 2>&1 || true
"""
# only asks for the way to each peer; a name of its own each time, as quotas go by names
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
]


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_media(
    family: socket.AddressFamily,
    alice: Person,
    target: Target,
    other_relay: str,
    other_machine: Machine,
) -> None:
    """A machine elsewhere sends through the server, and hears the answer."""
    host, port, name, password = _credential(alice)
    peer = str(socket.getaddrinfo(target.host(other_relay), 25, family)[0][4][0])
    option = "-x" if family == socket.AF_INET6 else "-X"

    said = _call(other_machine, peer, option, "-p", port, "-u", name, "-w", password, host)

    assert "tot_send_msgs=2, tot_recv_msgs=2" in said


def test_the_credential_ends(alice: Person, relay: str) -> None:
    """After five days; clients ask for another one before."""
    host, port, name, _ = _credential(alice)

    assert (host, port) == (relay, "3478")
    assert 4 * DAY_S < int(name) - time.time() <= 5 * DAY_S


@pytest.mark.parametrize("wrong", ["password", "end"])
def test_wrong_credentials(wrong: str, alice: Person, other_machine: Machine) -> None:
    """Neither another secret's password nor a later end is accepted."""
    host, _, name, password = _credential(alice)
    if wrong == "password":
        password = password[::-1]
    else:
        name = str(int(name) + DAY_S)

    said = _call(other_machine, "127.0.0.1", "-u", name, "-w", password, host)

    assert "Cannot complete Allocation" in said


def test_nothing_private_is_reached(relay: str, machine: Machine) -> None:
    """Neither this machine nor its neighbours (RFC 6890), in no spelling."""
    secret = machine.run("cat", SECRET).strip()
    name = secrets.token_hex(4)

    said = machine.run("sh", "-c", ASK, "ask", secret, name, relay, *FORBIDDEN)

    reached = [line for line in said.splitlines() if "Forbidden IP" not in line]
    assert reached == []


def _credential(person: Person) -> list[str]:
    """Returns host, port, user name and password."""
    return (person.imap.get_metadata("", KEY)[KEY] or "").split(":")


def _call(machine: Machine, peer: str, *options: str) -> str:
    """Returns what a client on a machine says that calls this address of the machine."""
    port = str(20000 + secrets.randbelow(10000))
    return machine.run("sh", "-c", CALL, "call", peer, port, *options)
