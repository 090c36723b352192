"""Mail between relays needs HTTPS or SMTP, and finds out which of the two works."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.firewall import closed
from chatmail_testkit.relays.services import stopped
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.waiting import wait_for

pytestmark = [pytest.mark.disturbs, pytest.mark.timeout(180)]

SMTP, HTTPS = 25, 443


@pytest.fixture(autouse=True)
def _forgotten(machine: Machine, other_machine: Machine) -> Iterator[None]:
    """What one scenario teaches the relays means nothing to the next."""
    yield
    for relay in (machine, other_machine):
        relay.run("systemctl", "restart", "chatmail-transport")


def test_port_25_is_closed(
    alice: Person, carol: Person, machine: Machine, other_machine: Machine
) -> None:
    """In both directions, on both relays: everything goes by HTTPS, at once."""
    with closed(machine, SMTP), closed(other_machine, SMTP):
        for number in range(3):
            alice.sends(carol, text=f"there {number}")
            assert carol.receives(within_s=10).text == f"there {number}"
            carol.sends(alice, text=f"back {number}")
            assert alice.receives(within_s=10).text == f"back {number}"


def test_a_large_message_with_port_25_closed(
    alice: Person, carol: Person, other_machine: Machine
) -> None:
    """The message limit holds for HTTPS, too."""
    text = "x" * 15_000_000

    with closed(other_machine, SMTP):
        alice.sends(carol, text=text)
        assert carol.receives(within_s=40).text == text


def test_some_recipients_do_not_exist_and_port_25_is_closed(
    alice: Person, carol: Person, machine: Machine, other_machine: Machine
) -> None:
    """The others get the message, and the sender hears of those who do not exist."""
    nobody = f"nobody123@{carol.domain}"

    with closed(machine, SMTP), closed(other_machine, SMTP):
        alice.sends(carol, nobody, text="to both")
        assert carol.receives(within_s=10).text == "to both"
        bounce = alice.receives(within_s=10)

    assert bounce.headers.get_content_type() == "multipart/report"
    assert nobody in bounce.raw.decode()


def test_a_refusal_comes_back_with_port_25_closed(
    alice: Person, carol: Person, machine: Machine, other_machine: Machine
) -> None:
    """After minutes, not after days: HTTPS refuses, SMTP cannot settle it, HTTPS refuses again."""
    nobody = f"nobody123@{carol.domain}"

    with closed(machine, SMTP), closed(other_machine, SMTP):
        alice.sends(nobody)
        wait_for(lambda: nobody in machine.queue(), "the message waits", within_s=40)
        with _runs_its_queue(machine):
            bounce = alice.receives(within_s=100)

    assert "550 5.1.1" in bounce.raw.decode()


@pytest.mark.parametrize("reach", ["both relays", "the other relay"])
def test_https_is_closed(
    reach: str, alice: Person, carol: Person, machine: Machine, other_machine: Machine
) -> None:
    """SMTP takes over within seconds, and at once from the second message on."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(closed(other_machine, HTTPS))
        if reach == "both relays":
            stack.enter_context(closed(machine, HTTPS))
        alice.sends(carol, text="first")
        assert carol.receives(within_s=25).text == "first"
        alice.sends(carol, text="second")
        assert carol.receives(within_s=4).text == "second"


def test_https_is_back_after_a_failure(
    alice: Person, carol: Person, machine: Machine, other_machine: Machine
) -> None:
    """A relay without port 25 is not locked out by the memory of a failure."""
    with closed(other_machine, SMTP, HTTPS):
        alice.sends(carol, text="patience")
        wait_for(lambda: carol.address in machine.queue(), "the message waits", within_s=40)
    with closed(other_machine, SMTP), _runs_its_queue(machine):
        assert carol.receives(within_s=90).text == "patience"
        alice.sends(carol, text="quick again")
        assert carol.receives(within_s=10).text == "quick again"


@pytest.mark.parametrize("unit", ["chatmail-transport", "nginx"])
def test_https_is_down_at_the_other_relay(
    unit: str, alice: Person, carol: Person, other_machine: Machine
) -> None:
    """Nobody notices."""
    alice.sends(carol, text="before")
    assert carol.receives().text == "before"
    with stopped(other_machine, unit):
        alice.sends(carol, text="meanwhile")
        assert carol.receives(within_s=10).text == "meanwhile"


def test_the_transport_service_is_down(alice: Person, carol: Person, machine: Machine) -> None:
    """Mail to others waits; mail from others comes in over SMTP."""
    with stopped(machine, "chatmail-transport"):
        alice.sends(carol, text="waits")
        carol.sends(alice, text="comes in")
        assert alice.receives(within_s=20).text == "comes in"
        wait_for(lambda: carol.address in machine.queue(), "the message waits", within_s=20)
    with _runs_its_queue(machine):
        assert carol.receives(within_s=40).text == "waits"


@contextlib.contextmanager
def _runs_its_queue(machine: Machine) -> Iterator[None]:
    """Makes Postfix try again every few seconds, as it does every minute by itself."""
    machine.run(
        "systemd-run", "--unit=e2e-flush", "sh", "-c", "while postqueue -f; do sleep 3; done"
    )
    try:
        yield
    finally:
        machine.run("systemctl", "stop", "e2e-flush")
