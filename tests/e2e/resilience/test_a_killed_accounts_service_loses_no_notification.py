"""Deliveries and push notifications survive a kill of the accounts service, and of Dovecot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise

import pytest
from chatmail_testkit.peers.notifier import Notifier, new_device, serving
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.reach.lmtp import deliver
from chatmail_testkit.relays.services import stopped
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.waiting import wait_for
from conftest import PersonFactory

pytestmark = pytest.mark.disturbs

UNIT = "chatmail-accounts"
WORKERS = 4  # concurrent requests
PENDING = "/var/lib/chatmail/accounts/pending_notifications"
DEVICES = WORKERS + 2
PEOPLE = 120
KILLS = 3
CONFIGURATION = "/etc/dovecot/dovecot.conf"
CHANGE = f"cp {CONFIGURATION} /run/before && cat >> {CONFIGURATION} && systemctl restart dovecot"
RESTORE = f"cat /run/before > {CONFIGURATION} && systemctl restart dovecot"
# `stock' of modules/chatmail/dovecot/mailboxes/push.nix
EXPORTER = """
protocol lmtp {
  mail_plugins {
    tell_delivery = no
  }
}
event_exporter push {
  driver = file
  file_path = /run/chatmail/accounts-dovecot/deliveries.json
  format = json
}
metric delivered {
  exporter = push
  filter = event=mail_delivery_finished
  exporter_include = name fields
  fields = user mail_from error message_id message_size
}
"""


@pytest.fixture
def notifier() -> Iterator[Notifier]:
    """The notification server."""
    with serving() as running:
        yield running


def test_one_kill(alice: Person, bob: Person, machine: Machine, notifier: Notifier) -> None:
    """Some notifications are being sent, some are queued: each arrives, at most twice."""
    tokens = [new_device(bob) for _ in range(DEVICES)]
    notifier.plan = {token: ["hang"] for token in tokens}
    alice.sends(bob)
    wait_for(lambda: len(notifier.calls_for(tokens)) == WORKERS, "a call of each worker")

    _kill(machine)
    notifier.release()

    wait_for(lambda: not machine.run("ls", PENDING), "an empty queue")
    times = [len(notifier.times_s(token)) for token in tokens]
    assert (min(times), max(times)) == (1, 2)
    assert sum(times) == DEVICES + WORKERS


def test_repeated_kills(
    relay: str, new_person: PersonFactory, machine: Machine, notifier: Notifier
) -> None:
    """Each person of a ring writes to the next; a kill repeats interrupted requests only."""
    people = [new_person(relay) for _ in range(PEOPLE)]
    tokens = [new_device(person) for person in people]

    with ThreadPoolExecutor(1) as pool:
        stream = pool.submit(_write_round, people)
        kills = _kill_while(stream, machine)

    assert kills >= KILLS
    wait_for(
        lambda: {call.token for call in notifier.calls_for(tokens)} == set(tokens),
        "each is woken",
    )
    wait_for(lambda: not machine.run("ls", PENDING), "an empty queue")
    assert len(notifier.calls_for(tokens)) <= PEOPLE + WORKERS * kills
    assert max(len(notifier.times_s(token)) for token in tokens) <= 1 + kills


def test_deliveries_while_it_is_stopped(
    alice: Person, bob: Person, machine: Machine, notifier: Notifier
) -> None:
    """Dovecot reports deliveries when the service is back."""
    token = new_device(bob)
    with stopped(machine, UNIT):
        _deliver(alice, bob, machine)

    wait_for(lambda: notifier.times_s(token), "a call")


def test_dovecot_is_killed_before_it_is_back(
    alice: Person, bob: Person, machine: Machine, notifier: Notifier
) -> None:
    """What was delivered is in no memory of Dovecot."""
    token = new_device(bob)
    with stopped(machine, UNIT):
        _deliver(alice, bob, machine)
        machine.run("systemctl", "kill", "--signal=KILL", "dovecot")
        machine.run("systemctl", "restart", "dovecot")

    wait_for(lambda: notifier.times_s(token), "a call")


def test_dovecots_exporter_does_it_too(
    alice: Person, bob: Person, machine: Machine, notifier: Notifier
) -> None:
    """As with a version of Dovecot for which our plugin was not tested."""
    token = new_device(bob)
    machine.run("sh", "-c", CHANGE, stdin=EXPORTER.encode())
    try:
        _deliver(alice, bob, machine)

        wait_for(lambda: notifier.times_s(token), "a call")
    finally:
        machine.run("sh", "-c", RESTORE)


def _kill(machine: Machine) -> None:
    # resets the failure count, which delays restarts
    machine.run("sh", "-c", f"systemctl reset-failed {UNIT} && systemctl kill --signal=KILL {UNIT}")


def _kill_while(stream: Future[None], machine: Machine) -> int:
    """Kill it whenever it is up; return the number of kills."""
    kills = 0
    while not stream.done():
        _kill(machine)
        kills += 1
        wait_for(lambda: _is_up(machine) or stream.done(), "a restart")
    stream.result()
    return kills


def _is_up(machine: Machine) -> bool:
    show = ("systemctl", "show", "--property=SubState", UNIT)
    return all(store.run(*show) == "SubState=running\n" for store in machine.stores)


def _write_round(people: Sequence[Person]) -> None:
    for sender, recipient in pairwise([*people, people[0]]):
        sender.sends(recipient)


def _deliver(sender: Person, recipient: Person, machine: Machine) -> None:
    """Hand a message to Dovecot; Postfix would ask the stopped service for its route."""
    deliver(machine, sender.address, recipient.address, sender.writes(recipient))
