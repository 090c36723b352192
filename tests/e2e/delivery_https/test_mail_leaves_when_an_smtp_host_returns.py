"""Queued mail for an SMTP-only host leaves as soon as the host is reachable again."""

from __future__ import annotations

import re

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.firewall import closed
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.waiting import RETRIED_S, wait_for

SMTP = 25
MESSAGES = 6
BACK_S = 60
# a queue ID, and the reason in the next line
PUT_OFF = re.compile(r"^(\w+) .*\n +\(", re.MULTILINE)


@pytest.mark.disturbs
def test_the_queue_is_emptied(alice: Person, dora: Person, machine: Machine) -> None:
    """Steady new mail for the host does not keep it marked as dead."""

    put_off: set[str] = set()  # they are tried again in turns, so seldom all wait at once

    def all_are_put_off() -> bool:
        put_off.update(PUT_OFF.findall(machine.queue()))
        return len(put_off) >= MESSAGES

    def sent() -> bool:
        machine.run("postqueue", "-f")
        return dora.address not in machine.queue()

    alice.sends(dora, text="before")
    assert dora.receives().text == "before"
    with closed(machine, SMTP):
        for number in range(MESSAGES):
            alice.sends(dora, text=f"meanwhile {number}")
        wait_for(all_are_put_off, "all are put off", within_s=RETRIED_S)

    wait_for(sent, "nothing waits any more", within_s=BACK_S, every_s=3)
