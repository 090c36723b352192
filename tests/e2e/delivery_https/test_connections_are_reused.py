"""Messages to one host reuse a connection, over HTTPS and over SMTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.firewall import Count, closed, counted
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.waiting import wait_for

pytestmark = pytest.mark.disturbs

SMTP, HTTPS = 25, 443
TRANSPORT = "chatmail-transport"


@pytest.fixture(autouse=True)
def _fresh(machine: Machine) -> Iterator[None]:
    """Close connections and clear caches, before and after."""
    # the filter named the peer a moment ago, and would not do so again for 5 s
    machine.run("systemctl", "restart", TRANSPORT, "chatmail-filter", "postfix")
    yield
    machine.run("systemctl", "restart", TRANSPORT)


def test_https_connections_are_reused(alice: Person, carol: Person, machine: Machine) -> None:
    """For 50 s."""
    with closed(machine, SMTP), counted(machine, HTTPS) as connections:
        _one_for_all(alice, carol, connections)


def test_a_connection_is_opened_while_the_client_sends(
    alice: Person, carol: Person, machine: Machine, other_machine: Machine
) -> None:
    """DATA is enough; a peer that closes the kept connection loses nothing and gets one copy."""
    texts = ["over the connection that waited", "at once", "later"]
    message = alice.writes(carol, text=texts[0])
    with closed(machine, SMTP), counted(machine, HTTPS) as connections:
        for command in (f"MAIL FROM:<{alice.address}>", f"RCPT TO:<{carol.address}>"):
            assert alice.smtp.command(command).code == 250
        assert alice.smtp.command("DATA").code == 354
        opened = wait_for(connections, "a connection")
        assert alice.smtp.exchange(message + b".\r\n").code == 250
        assert carol.receives().text == texts[0]
        assert connections() in (opened, opened + 1)  # IPv4 behind IPv6

        # its old workers close idle connections
        other_machine.run("systemctl", "reload", "nginx")
        wait_for(lambda: not _open(machine), "the end of the connection")
        for text in texts[1:]:
            alice.sends(carol, text=text)
            assert carol.receives().text == text
        assert opened < connections() <= opened + 3
    assert [letter.text for letter in carol.inbox()] == texts


def test_smtp_sessions_are_reused(alice: Person, carol: Person, machine: Machine) -> None:
    """For 30 s, to a relay without reachable HTTPS."""
    with closed(machine, HTTPS), counted(machine, SMTP) as connections:
        _one_for_all(alice, carol, connections)


def test_smtp_sessions_to_a_classic_server_are_reused(
    alice: Person, dora: Person, machine: Machine
) -> None:
    """The server has no HTTPS at all."""
    with counted(machine, SMTP) as connections:
        _one_for_all(alice, dora, connections)


def _open(machine: Machine) -> str:
    return machine.run("ss", "-Htn", "state", "established", f"dport = :{HTTPS}").strip()


def _one_for_all(sender: Person, recipient: Person, connections: Count) -> None:
    sender.sends(recipient, text="first")
    assert recipient.receives().text == "first"
    for_the_first = connections()
    for text in ("second", "third"):
        sender.sends(recipient, text=text)
        assert recipient.receives().text == text

    # IPv6 and IPv4 are tried in parallel if the first is slow
    assert for_the_first in (1, 2)
    assert connections() == for_the_first
