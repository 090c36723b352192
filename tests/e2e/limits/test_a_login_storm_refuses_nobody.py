"""All clients of a relay return at the same moment: after a lost network, and after a restart."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from chatmail_testkit.mail.storm import Crowd, without_verification
from chatmail_testkit.people.names import new_accounts
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.reach.front import ip_address
from chatmail_testkit.relays.target import Machine, Target
from chatmail_testkit.waiting import ANSWER_S

pytestmark = pytest.mark.disturbs

# more than one network may have wrong passwords; scripts/scale storm has 5000
CLIENTS = 200
WITHIN_S = 60
MESSAGES = 5
# a process has 50 sessions, and is used again when they hibernate
MOST_PROCESSES = CLIENTS // 10
# port, protocol that the client offers, and what it sends before TLS
PORTS = [
    (143, "", b"x STARTTLS\r\n"),
    (443, "imap", b""),
    (443, "smtp", b""),
    (465, "", b""),
    (587, "", b"EHLO client.example\r\nSTARTTLS\r\n"),
    (993, "", b""),
]


@pytest.fixture(scope="module")
def crowd(relay: str) -> Iterator[Crowd]:
    """Clients with addresses and TLS tickets."""
    with Crowd(relay, new_accounts(relay, CLIENTS)) as clients:
        assert not clients.lands(at_once=20, within_s=WITHIN_S).refusals
        yield clients


def test_a_lost_network(crowd: Crowd, alice: Person, bob: Person, machine: Machine) -> None:
    """Other users' messages arrive meanwhile; few IMAP processes start."""
    crowd.leaves()
    before = _started(machine)
    with ThreadPoolExecutor(1) as pool:
        landing = pool.submit(crowd.lands, CLIENTS, WITHIN_S)
        for number in range(MESSAGES):
            alice.sends(bob, text=f"message {number}")
            assert bob.receives().text == f"message {number}"

        assert not landing.result().refusals
        assert landing.result().resumed == CLIENTS
        assert _started(machine) - before <= MOST_PROCESSES


def test_a_restart(crowd: Crowd, machine: Machine) -> None:
    """The services remember no login then, and Dovecot makes new keys for TLS tickets."""
    machine.run("systemctl", "restart", "dovecot", "chatmail-accounts")

    assert not crowd.lands(CLIENTS, WITHIN_S).refusals


def test_a_changed_password_counts_at_once(crowd: Crowd, machine: Machine) -> None:
    """Although the relay remembers which passwords it has verified."""
    changed = crowd.clients[0].account.address
    machine.run("chatmail", "address", "passwd", changed)

    [refusal] = crowd.lands(CLIENTS, WITHIN_S).refusals

    assert "AUTHENTICATIONFAILED" in refusal


def test_each_port_resumes(relay: str, target: Target) -> None:
    """By TLS 1.3, with a new ticket each time, because a client uses each once."""
    host = ip_address(target, relay, socket.AF_INET)
    contexts = [_context(protocol) for _, protocol, _ in PORTS]

    def sessions(tickets: Sequence[ssl.SSLSession | None]) -> list[tuple[bool, ssl.SSLSession]]:
        return [
            _session(relay, (host, port[0]), port, context, ticket)
            for port, context, ticket in zip(PORTS, contexts, tickets, strict=True)
        ]

    first = sessions([None] * len(PORTS))
    again = sessions([ticket for _, ticket in first])
    third = sessions([ticket for _, ticket in again])

    assert [resumed for resumed, _ in first] == [False] * len(PORTS)
    assert [resumed for resumed, _ in again] == [True] * len(PORTS)
    assert [resumed for resumed, _ in third] == [True] * len(PORTS)


def _started(machine: Machine) -> int:
    """Returns how many IMAP processes Dovecot has started."""
    total = 0
    for store in machine.stores:
        names, values = store.run("doveadm", "-f", "tab", "service", "status", "imap").splitlines()
        row = dict(zip(names.split("\t"), values.split("\t"), strict=True))
        total += int(row["process_total"])
    return total


def _context(protocol: str) -> ssl.SSLContext:
    context = without_verification()
    if protocol:
        context.set_alpn_protocols([protocol])
    return context


def _session(
    relay: str,
    end: tuple[str, int],
    port: tuple[int, str, bytes],
    context: ssl.SSLContext,
    ticket: ssl.SSLSession | None,
) -> tuple[bool, ssl.SSLSession]:
    """Returns whether the server resumed the session, and its new ticket."""
    number, _, before = port
    with socket.create_connection(end, timeout=ANSWER_S) as plain:
        for command in before.splitlines(keepends=True):
            plain.recv(4096)
            plain.sendall(command)
        if before:
            plain.recv(4096)
        with context.wrap_socket(plain, server_hostname=relay, session=ticket) as tls:
            # the ticket comes with the first answer
            tls.sendall(b"x CAPABILITY\r\n" if number == 143 else b"EHLO client.example\r\n")
            tls.recv(4096)
            assert tls.version() == "TLSv1.3"
            assert tls.session is not None
            return bool(tls.session_reused), tls.session
