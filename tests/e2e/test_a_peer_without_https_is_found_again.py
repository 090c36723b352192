"""A peer that speaks SMTP alone was away for a while: its mail goes out as soon as it is back."""

from __future__ import annotations

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.firewall import closed
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.waiting import wait_for

SMTP = 25
MESSAGES = 6
AWAY_S = 90  # time for connections to its addresses to be given up
BACK_S = 60


@pytest.mark.disturbs
@pytest.mark.timeout(240)
def test_under_steady_mail(alice: Person, dora: Person, machine: Machine) -> None:
    """Although mail for it is tried all the time, so that no connection gets old."""

    def put_off() -> bool:
        queue = machine.queue()
        return queue.count("(") >= MESSAGES and "*" not in queue  # which marks active ones

    def sent() -> bool:
        machine.run("postqueue", "-f")
        return dora.address not in machine.queue()

    alice.sends(dora, text="before")
    assert dora.receives(within_s=30).text == "before"
    with closed(machine, SMTP):
        for number in range(MESSAGES):
            alice.sends(dora, text=f"meanwhile {number}")
        wait_for(put_off, "all are put off", within_s=AWAY_S)

    wait_for(sent, "nothing waits any more", within_s=BACK_S, every_s=3)
