"""After HTTPS to a host failed, SMTP comes first and HTTPS is not tried before it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.firewall import closed, counted
from chatmail_testkit.relays.services import stopped
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.waiting import GIVEN_UP_S

pytestmark = pytest.mark.disturbs

SMTP, HTTPS = 25, 443
TRANSPORT = "chatmail-transport"


@pytest.fixture(autouse=True)
def _forgotten(machine: Machine) -> Iterator[None]:
    """Clear the cache of failed hosts, before and after."""
    machine.run("systemctl", "restart", TRANSPORT)
    yield
    machine.run("systemctl", "restart", TRANSPORT)


def test_the_second_message_skips_https(alice: Person, dora: Person, machine: Machine) -> None:
    """To a classic server, which has no HTTPS."""
    with counted(machine, HTTPS) as tries:
        alice.sends(dora, text="first")
        assert dora.receives().text == "first"
        for_the_first = tries()
        for text in ("second", "third"):
            alice.sends(dora, text=text)
            assert dora.receives().text == text

        assert for_the_first > 0
        assert tries() == for_the_first


def test_new_https_is_used_when_smtp_fails(
    alice: Person, carol: Person, machine: Machine, other_machine: Machine
) -> None:
    """If SMTP works, HTTPS is tried after half an hour (unit tests of chatmaild)."""
    with stopped(other_machine, "nginx"):
        alice.sends(carol, text="over SMTP")
        assert carol.receives().text == "over SMTP"
    with counted(machine, HTTPS) as tries:
        alice.sends(carol, text="over SMTP again")
        assert carol.receives().text == "over SMTP again"
        assert tries() == 0

    machine.run("systemctl", "restart", "postfix")  # closes the cached SMTP session (30 s)
    alice.leaves()
    with closed(machine, SMTP):
        alice.sends(carol, text="over HTTPS")
        assert carol.receives(within_s=GIVEN_UP_S).text == "over HTTPS"
    with counted(machine, SMTP) as tries:
        alice.sends(carol, text="over HTTPS again")
        assert carol.receives().text == "over HTTPS again"
        assert tries() == 0
