"""Where HTTPS failed, SMTP comes first from then on, and HTTPS is not tried before it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.firewall import closed, counted
from chatmail_testkit.relays.services import stopped
from chatmail_testkit.relays.target import Machine

pytestmark = [pytest.mark.disturbs, pytest.mark.timeout(180)]

SMTP, HTTPS = 25, 443
WITHIN_S = 30
AT_ONCE_S = 10
GIVEN_UP_S = 60  # packets vanish: each address of the peer takes 15 s
TRANSPORT = "chatmail-transport"


@pytest.fixture(autouse=True)
def _forgotten(machine: Machine) -> Iterator[None]:
    """Nothing is known, before and after."""
    machine.run("systemctl", "restart", TRANSPORT)
    yield
    machine.run("systemctl", "restart", TRANSPORT)


def test_the_second_message_does_not_try(alice: Person, dora: Person, machine: Machine) -> None:
    """To a classic server, which has none."""
    with counted(machine, HTTPS) as tries:
        alice.sends(dora, text="first")
        assert dora.receives(within_s=WITHIN_S).text == "first"
        for_the_first = tries()
        for text in ("second", "third"):
            alice.sends(dora, text=text)
            assert dora.receives(within_s=AT_ONCE_S).text == text

        assert for_the_first > 0
        assert tries() == for_the_first


def test_a_host_that_begins_to_offer_it_is_used(
    alice: Person, carol: Person, machine: Machine, other_machine: Machine
) -> None:
    """At once where SMTP fails; where SMTP works, after half an hour (tests of chatmaild)."""
    with stopped(other_machine, "nginx"):
        alice.sends(carol, text="over SMTP")
        assert carol.receives(within_s=WITHIN_S).text == "over SMTP"
    with counted(machine, HTTPS) as tries:
        alice.sends(carol, text="over SMTP again")
        assert carol.receives(within_s=AT_ONCE_S).text == "over SMTP again"
        assert tries() == 0

    machine.run(
        "systemctl", "restart", "postfix"
    )  # ends the session that it keeps for half a minute
    alice.leaves()
    with closed(machine, SMTP):
        alice.sends(carol, text="over HTTPS")
        assert carol.receives(within_s=GIVEN_UP_S).text == "over HTTPS"
    with counted(machine, SMTP) as tries:
        alice.sends(carol, text="over HTTPS again")
        assert carol.receives(within_s=AT_ONCE_S).text == "over HTTPS again"
        assert tries() == 0
