"""Relays deliver over HTTPS or SMTP, whichever works."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.firewall import closed, counted
from chatmail_testkit.relays.services import queue_runs_often, stopped
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.waiting import GIVEN_UP_S, RETRIED_S, wait_for

pytestmark = pytest.mark.disturbs

SMTP, HTTPS = 25, 443
# before Postfix gives up the first IP address (smtp_connect_timeout)
AT_ONCE_S = 14


@pytest.fixture(autouse=True)
def _forgotten(machine: Machine, other_machine: Machine) -> Iterator[None]:
    """Clear the cache of failed hosts, before and after."""
    yield
    for relay in (machine, other_machine):
        relay.run("systemctl", "restart", "chatmail-transport")


def test_https_works_without_port_25(
    alice: Person, carol: Person, machine: Machine, other_machine: Machine
) -> None:
    """Both relays deliver over HTTPS at once, in both directions."""
    with closed(machine, SMTP), closed(other_machine, SMTP):
        for number in range(3):
            alice.sends(carol, text=f"there {number}")
            assert carol.receives(within_s=AT_ONCE_S).text == f"there {number}"
            carol.sends(alice, text=f"back {number}")
            assert alice.receives(within_s=AT_ONCE_S).text == f"back {number}"


def test_https_carries_large_messages(alice: Person, carol: Person, other_machine: Machine) -> None:
    """Port 25 is closed; the message size limit is the same."""
    text = "x" * 15_000_000

    with closed(other_machine, SMTP):
        alice.sends(carol, text=text)
        assert carol.receives(within_s=GIVEN_UP_S).text == text


def test_https_reports_unknown_recipients(
    alice: Person, carol: Person, machine: Machine, other_machine: Machine
) -> None:
    """The others get the message; the sender gets a bounce."""
    nobody = f"nobody123@{carol.domain}"

    with closed(machine, SMTP), closed(other_machine, SMTP):
        alice.sends(carol, nobody, text="to both")
        assert carol.receives(within_s=AT_ONCE_S).text == "to both"
        bounce = alice.receives(within_s=AT_ONCE_S)

    assert bounce.headers.get_content_type() == "multipart/report"
    assert nobody in bounce.raw.decode()


def test_a_refusal_over_https_bounces(
    alice: Person, carol: Person, machine: Machine, other_machine: Machine
) -> None:
    """Within minutes, although SMTP is unreachable: HTTPS refuses twice."""
    nobody = f"nobody123@{carol.domain}"

    with closed(machine, SMTP), closed(other_machine, SMTP):
        alice.sends(nobody)
        wait_for(lambda: nobody in machine.queue(), "the message waits", within_s=GIVEN_UP_S)
        with queue_runs_often(machine):
            bounce = alice.receives(within_s=RETRIED_S)

    assert "550 5.1.1" in bounce.raw.decode()


@pytest.mark.parametrize("reach", ["both relays", "the other relay"])
def test_smtp_works_without_https(
    reach: str, alice: Person, carol: Person, machine: Machine, other_machine: Machine
) -> None:
    """SMTP follows within seconds, and comes first from the second message on."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(closed(other_machine, HTTPS))
        if reach == "both relays":
            stack.enter_context(closed(machine, HTTPS))
        alice.sends(carol, text="first")
        assert carol.receives().text == "first"
        with counted(machine, HTTPS) as tries:
            alice.sends(carol, text="second")
            assert carol.receives().text == "second"
            assert tries() == 0


def test_https_is_used_again_after_a_failure(
    alice: Person, carol: Person, machine: Machine, other_machine: Machine
) -> None:
    """A relay without port 25 stays reachable after an HTTPS failure."""
    with closed(other_machine, SMTP, HTTPS):
        alice.sends(carol, text="patience")
        wait_for(lambda: carol.address in machine.queue(), "the message waits", within_s=GIVEN_UP_S)
    with closed(other_machine, SMTP), queue_runs_often(machine):
        assert carol.receives(within_s=RETRIED_S).text == "patience"
        alice.sends(carol, text="quick again")
        assert carol.receives(within_s=AT_ONCE_S).text == "quick again"


@pytest.mark.parametrize("unit", ["chatmail-transport", "nginx"])
def test_smtp_works_while_https_is_down(
    unit: str, alice: Person, carol: Person, other_machine: Machine
) -> None:
    """Mail arrives although the service of the other relay is stopped."""
    alice.sends(carol, text="before")
    assert carol.receives().text == "before"
    with stopped(other_machine, unit):
        alice.sends(carol, text="meanwhile")
        assert carol.receives().text == "meanwhile"


def test_mail_waits_for_the_transport_service(
    alice: Person, carol: Person, machine: Machine
) -> None:
    """Outgoing mail waits; incoming mail arrives over SMTP."""
    with stopped(machine, "chatmail-transport"):
        alice.sends(carol, text="waits")
        carol.sends(alice, text="comes in")
        assert alice.receives().text == "comes in"
        wait_for(lambda: carol.address in machine.queue(), "the message waits")
    with queue_runs_often(machine):
        assert carol.receives(within_s=GIVEN_UP_S).text == "waits"
