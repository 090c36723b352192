"""Dovecot's indexes may be damaged or lost: every message is there again without an operator."""

from __future__ import annotations

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.filling import folder
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.waiting import wait_for

pytestmark = pytest.mark.disturbs

TEXTS = ["one", "two", "three"]
# what a crash of the machine or a broken disk may leave
DAMAGE = {
    "log cut": "truncate -s -20 dovecot.index.log",
    "log empty": "truncate -s 0 dovecot.index.log",
    "log of zeros": "truncate -s 0 dovecot.index.log; truncate -s 4096 dovecot.index.log",
    "garbage at the end": "printf garbage >> dovecot.index.log",
    "all lost": "rm dovecot.index*",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_after_the_next_message(damage: str, alice: Person, bob: Person, machine: Machine) -> None:
    """The delivery finds it out; Postfix repeats it."""
    _get_messages(alice, bob)
    _damage(machine, bob, DAMAGE[damage])

    alice.sends(bob, text="four")

    wait_for(lambda: _flush(machine), "an empty queue")
    assert {letter.text for letter in bob.inbox()} == {*TEXTS, "four"}


def test_after_the_daily_run(alice: Person, bob: Person, machine: Machine) -> None:
    """No message arrives in the meantime."""
    _get_messages(alice, bob)
    _damage(machine, bob, "rm dovecot.index*; touch -d '2 minutes ago' u.*")

    machine.run("systemctl", "start", "chatmail-expire")

    assert {letter.text for letter in bob.inbox()} == set(TEXTS)


def _get_messages(sender: Person, recipient: Person) -> None:
    for text in TEXTS:
        sender.sends(recipient, text=text)
    wait_for(lambda: len(recipient.inbox()) == len(TEXTS), "the messages")
    recipient.leaves()


def _damage(machine: Machine, person: Person, command: str) -> None:
    machine.run("sh", "-c", f"cd {folder(person)} && {command}")


def _flush(machine: Machine) -> bool:
    return "is empty" in machine.run("sh", "-c", "postqueue -f && postqueue -p")
