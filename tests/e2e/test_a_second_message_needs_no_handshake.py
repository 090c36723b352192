"""Messages to the same host share a connection, over HTTPS and over SMTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.firewall import Count, closed, counted
from chatmail_testkit.relays.target import Machine

pytestmark = [pytest.mark.disturbs, pytest.mark.timeout(120)]

SMTP, HTTPS = 25, 443
WITHIN_S = 30  # SMTP comes after HTTPS was given up
TRANSPORT = "chatmail-transport"


@pytest.fixture(autouse=True)
def _fresh(machine: Machine) -> Iterator[None]:
    """Neither connections nor memories, before and after."""
    machine.run("systemctl", "restart", TRANSPORT, "postfix")
    yield
    machine.run("systemctl", "restart", TRANSPORT)


def test_over_https(alice: Person, carol: Person, machine: Machine) -> None:
    """Kept for 50 s."""
    with closed(machine, SMTP), counted(machine, HTTPS) as connections:
        _one_for_all(alice, carol, connections)


def test_over_smtp(alice: Person, carol: Person, machine: Machine) -> None:
    """Kept for 30 s: to a relay whose HTTPS cannot be reached."""
    with closed(machine, HTTPS), counted(machine, SMTP) as connections:
        _one_for_all(alice, carol, connections)


def test_to_a_classic_server(alice: Person, dora: Person, machine: Machine) -> None:
    """Which has no HTTPS at all."""
    with counted(machine, SMTP) as connections:
        _one_for_all(alice, dora, connections)


def _one_for_all(sender: Person, recipient: Person, connections: Count) -> None:
    sender.sends(recipient, text="first")
    assert recipient.receives(within_s=WITHIN_S).text == "first"
    for_the_first = connections()
    for text in ("second", "third"):
        sender.sends(recipient, text=text)
        assert recipient.receives(within_s=WITHIN_S).text == text

    # IPv6 and IPv4 are tried at the same time where the first is slow
    assert for_the_first in (1, 2)
    assert connections() == for_the_first
