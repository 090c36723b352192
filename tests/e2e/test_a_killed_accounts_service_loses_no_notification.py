"""Deliveries and notifications outlive the service that handles them: phones are woken for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise

import pytest
from chatmail_testkit.peers.notifier import Notifier, new_device, serving
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.services import stopped
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.waiting import wait_for
from conftest import PersonFactory

pytestmark = [pytest.mark.disturbs, pytest.mark.timeout(180)]

UNIT = "chatmail-accounts"
WORKERS = 4  # so many are on their way at once
PENDING = "/var/lib/chatmail/accounts/pending_notifications"
DEVICES = WORKERS + 2
PEOPLE = 120
KILLS = 3
# what Postfix does, without Postfix, whose own questions would have to wait for the service
DELIVER = """
import smtplib, sys
with smtplib.LMTP("/var/lib/postfix/queue/private/dovecot-lmtp") as lmtp:
    lmtp.sendmail(sys.argv[1], sys.argv[2], sys.stdin.buffer.read())
"""


@pytest.fixture
def notifier() -> Iterator[Notifier]:
    """The notification server."""
    with serving() as running:
        yield running


def test_kill(alice: Person, bob: Person, machine: Machine, notifier: Notifier) -> None:
    """Some are on their way, some wait: each arrives, none more than twice."""
    tokens = [new_device(bob) for _ in range(DEVICES)]
    notifier.plan = {token: ["hang"] for token in tokens}
    alice.sends(bob)
    wait_for(lambda: len(notifier.calls) == WORKERS, "calls on their way", within_s=10)

    _kill(machine)
    notifier.release()

    wait_for(lambda: not machine.run("ls", PENDING), "an empty queue", within_s=30)
    times = [len(notifier.times_s(token)) for token in tokens]
    assert (min(times), max(times)) == (1, 2)
    assert sum(times) == DEVICES + WORKERS


def test_kill_again_and_again(
    relay: str, new_person: PersonFactory, machine: Machine, notifier: Notifier
) -> None:
    """Each in a ring of people writes to the next; a kill repeats what it interrupted, no more."""
    people = [new_person(relay) for _ in range(PEOPLE)]
    tokens = [new_device(person) for person in people]

    with ThreadPoolExecutor(1) as pool:
        stream = pool.submit(_write_round, people)
        kills = _kill_while(stream, machine)

    assert kills >= KILLS
    wait_for(
        lambda: {call.token for call in notifier.calls} == set(tokens), "each is woken", within_s=30
    )
    wait_for(lambda: not machine.run("ls", PENDING), "an empty queue", within_s=30)
    assert len(notifier.calls) <= PEOPLE + WORKERS * kills
    assert max(len(notifier.times_s(token)) for token in tokens) <= 1 + kills


def test_deliveries_while_it_is_stopped(
    alice: Person, bob: Person, machine: Machine, notifier: Notifier
) -> None:
    """Dovecot tells of a delivery when there is somebody to tell."""
    token = new_device(bob)
    message = alice.writes(bob)
    with stopped(machine, UNIT):
        machine.run("python3", "-c", DELIVER, alice.address, bob.address, stdin=message)

    wait_for(lambda: notifier.times_s(token), "a call", within_s=20)


def _kill(machine: Machine) -> None:
    # as if that had never happened before: each time makes systemd more patient
    machine.run("sh", "-c", f"systemctl reset-failed {UNIT} && systemctl kill --signal=KILL {UNIT}")


def _kill_while(stream: Future[None], machine: Machine) -> int:
    """Kills it whenever it is up; returns how often."""
    kills = 0
    while not stream.done():
        _kill(machine)
        kills += 1
        wait_for(lambda: _is_up(machine) or stream.done(), "a restart", within_s=20)
    stream.result()
    return kills


def _is_up(machine: Machine) -> bool:
    return machine.run("systemctl", "show", "--property=SubState", UNIT) == "SubState=running\n"


def _write_round(people: Sequence[Person]) -> None:
    for sender, recipient in pairwise([*people, people[0]]):
        sender.sends(recipient)
