"""A Dovecot delivery killed at any of its system calls loses no mail and no time."""

from __future__ import annotations

from itertools import count

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.services import deadly
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.waiting import wait_for
from imapclient.exceptions import IMAPClientAbortError

pytestmark = pytest.mark.disturbs

# files that all deliveries to a mailbox share
INBOX = "mailboxes/INBOX/dbox-Mails"
FILES = [
    INBOX,
    f"{INBOX}/dovecot.index.cache",
    f"{INBOX}/dovecot.index.log",
]
# system calls that change a mailbox, and the files where they are watched; none: all files
CALLS: dict[str, list[str]] = {
    "openat": FILES,
    "write": FILES,
    "pwrite64": FILES,
    "rename": [],
    "unlink": [],
    "fdatasync": [],
}
# a lock of a dead process is broken after 3 s; one without a process id after 120 s
PATIENCE_S = 15


@pytest.mark.parametrize("call", CALLS)
def test_the_message_arrives(call: str, alice: Person, bob: Person, machine: Machine) -> None:
    """The first delivery dies at its first such call, the next at its second, and so on."""
    texts = {"alive"}
    alice.sends(bob, text="alive")
    bob.receives()
    paths = [f"--trace-path=/var/lib/chatmail/mail/{bob.address}/{file}" for file in CALLS[call]]

    store = machine.store_of(bob.address)
    for number in count(1):
        texts.add(text := f"{call} {number}")
        before = _count(bob)
        with deadly(store, *paths, f"--inject={call}:signal=KILL:when={number}") as killed:
            alice.sends(bob, text=text)
            wait_for(lambda: _is_through(machine), "an empty queue", within_s=PATIENCE_S)
            _wait_for_more(bob, than=before)
        if not killed:
            break

    assert number > 1, "no delivery makes this call"
    assert texts == {letter.text for letter in bob.inbox()}


def _count(person: Person) -> int:
    """The number of messages; a rebuild of the index ends the session, and clients come again."""
    try:
        person.imap.noop()
    except IMAPClientAbortError:
        person.leaves()
    return len(person.imap.search("ALL"))


def _wait_for_more(person: Person, than: int) -> None:
    wait_for(lambda: _count(person) > than, "one more message", within_s=PATIENCE_S)


def _is_through(machine: Machine) -> bool:
    return "is empty" in machine.run("sh", "-c", "postqueue -f && postqueue -p")
