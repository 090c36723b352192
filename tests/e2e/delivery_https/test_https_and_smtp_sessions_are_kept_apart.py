"""Postfix caches SMTP sessions; one with our HTTPS gateway is never reused for the host itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.firewall import closed
from chatmail_testkit.relays.services import stopped
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.waiting import GIVEN_UP_S
from conftest import PersonFactory

pytestmark = pytest.mark.disturbs

SMTP = 25


@pytest.fixture(autouse=True)
def _forgotten(machine: Machine) -> Iterator[None]:
    """Clear failed hosts and cached sessions, before and after."""
    for service in ("chatmail-transport", "postfix"):
        machine.run("systemctl", "restart", service)
    yield
    machine.run("systemctl", "restart", "chatmail-transport")


def test_smtp_works_after_https_replaced_it(
    alice: Person,
    carol: Person,
    new_person: PersonFactory,
    other_relay: str,
    machine: Machine,
    other_machine: Machine,
) -> None:
    """SMTP fails and HTTPS delivers; then HTTPS fails and SMTP delivers at once."""
    with stopped(other_machine, "nginx"):
        alice.sends(carol, text="by SMTP")
        assert carol.receives().text == "by SMTP"
    machine.run("systemctl", "restart", "postfix")  # closes its session with the host
    alice.leaves()
    with closed(machine, SMTP):
        alice.sends(carol, text="by HTTPS")
        assert carol.receives(within_s=GIVEN_UP_S).text == "by HTTPS"

    with stopped(other_machine, "nginx"):
        # new recipients, because Postfix caches the next hop of an address for 30 s
        for person in new_person(other_relay), new_person(other_relay):
            person.logs_in()
            alice.sends(person, text="by SMTP, after HTTPS")
            assert person.receives().text == "by SMTP, after HTTPS"
