"""A host that drops all packets does not delay mail to ten other hosts."""

from __future__ import annotations

import contextlib
import time
from functools import partial
from pathlib import Path

import pytest
from chatmail_testkit.peers.https_relay import https_relay
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.firewall import lost
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.waiting import wait_for
from conftest import PersonFactory

DEAD = "192.0.2.200"
ALIVE = [f"192.0.2.{number}" for number in range(201, 211)]
SENDERS = 5
EACH = 7
QUICK_S = 5


@pytest.mark.measures
def test_other_mail_is_delivered_in_seconds(
    alice: Person,
    carol: Person,
    new_person: PersonFactory,
    machine: Machine,
    tmp_path: Path,
) -> None:
    """Forty messages wait for the dead host; ten others and a relay get theirs within seconds."""
    senders = [new_person(alice.domain) for _ in range(SENDERS)]
    for sender in senders:
        sender.smtp.noop()
    with contextlib.ExitStack() as stack:
        stack.enter_context(lost(machine, DEAD))
        alive = [stack.enter_context(https_relay(address, tmp_path)) for address in ALIVE]
        for sender in senders:
            for number in range(EACH):
                sender.sends(f"somebody{number}@[{DEAD}]")

        started_s = time.monotonic()
        for number, address in enumerate(ALIVE):
            senders[number % SENDERS].sends(f"friend@[{address}]")
        alice.sends(carol, text="quick")
        assert carol.receives(within_s=QUICK_S).text == "quick"
        for relay, address in zip(alive, ALIVE, strict=True):
            left_s = started_s + QUICK_S - time.monotonic()
            wait_for(partial(bool, relay.recipients), f"mail at {address}", within_s=left_s)
            assert relay.recipients == [f"friend@[{address}]"]
        assert machine.queue().count(DEAD) >= SENDERS * EACH
    machine.run("postsuper", "-d", "ALL")
