"""A mailbox at its limit refuses the next message, and the sender hears of it."""

from __future__ import annotations

import time

from support.person import Person
from support.target import Machine
from support.waiting import wait_for

FOLDER = "/var/lib/chatmail/mail/{address}"
FILLING, FILLING_BYTES = 17, 30_840_000  # 500 MiB less 8000 octets
WITHIN_S = 30


def test_the_next_message(alice: Person, bob: Person, machine: Machine) -> None:
    """What fits still comes; what does not comes back at once, with the reason."""
    _fill(bob, machine)

    alice.sends(bob, text="fits")
    wait_for(lambda: _count(bob) == FILLING + 1, "what fits", within_s=WITHIN_S)
    alice.sends(bob, text="x" * 20_000)

    bounce = alice.receives(within_s=WITHIN_S)
    assert bounce.headers.get_content_type() == "multipart/report"
    assert b"Status: 5.2.2" in bounce.raw
    assert _count(bob) == FILLING + 1


def _count(person: Person) -> int:
    person.imap.noop()
    return len(person.imap.search("ALL"))


def _fill(person: Person, machine: Machine) -> None:
    """Puts messages of today into the mailbox, which nothing deletes: their names say the size."""
    folder = FOLDER.format(address=person.address)
    now_s = int(time.time())
    names = [
        f"{folder}/cur/{now_s}.M{number}P1.e2e,S={FILLING_BYTES},W={FILLING_BYTES}:2,S"
        for number in range(FILLING)
    ]
    machine.run("truncate", "--size", str(FILLING_BYTES), *names)
    machine.run("chown", "vmail:vmail", *names)
    machine.run("rm", "-f", f"{folder}/maildirsize")
