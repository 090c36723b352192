"""One message to many: all are notified, each has it once, the body is on disk once."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from chatmail_testkit.mail.imap import Imap
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.waiting import wait_for
from conftest import PersonFactory

pytestmark = pytest.mark.disturbs

FLUSHED_AT_ONCE = 50  # BATCH in pkgs/preload/plugins/each-reply.c
RECIPIENTS = FLUSHED_AT_ONCE + 10
LOGINS_AT_ONCE = 8
TEXTS = ["one", "two"]

# one line for each name of a body in the mailboxes given: its inode
BODIES = (
    "for mailbox; do find /var/lib/chatmail/mail/$mailbox -name 'u.[0-9]*' -printf '%i\\n'; done"
    " 2>/dev/null || true"
)
# each delivery process dies when it flushes for the second time
ARM = """
processes=$(pgrep --full ^dovecot/lmtp)
systemd-run --quiet --collect --unit=death --property=StandardError=null \
    strace --output=/dev/null --inject=syncfs:signal=KILL:when=2 \
    $(printf -- ' --attach=%s' $processes)
for process in $processes; do
    while grep --quiet 'TracerPid:.0$' /proc/$process/status; do sleep 0.02; done
done
"""


@pytest.fixture
def people(new_person: PersonFactory, relay: str) -> list[Person]:
    """Recipients in IDLE."""
    people = [new_person(relay) for _ in range(RECIPIENTS)]
    with ThreadPoolExecutor(LOGINS_AT_ONCE) as pool:
        list(pool.map(lambda person: person.imap.idle(), people))
    return people


def test_each_has_it_once(alice: Person, people: list[Person], machine: Machine) -> None:
    """The first message wakes all sessions; the second finds them awake, in shared processes."""
    [twice, *_] = people
    second = twice.logs_in()
    second.select_folder("INBOX")
    second.idle()
    sessions = [second, *(person.imap for person in people)]

    for text in TEXTS:
        alice.sends(*people, text=text)
        for session in sessions:
            wait_for(partial(_is_notified, session), "a notice")

    for session in sessions:
        session.idle_done()
    assert [_texts(person) for person in people] == [TEXTS] * RECIPIENTS
    # a store has one body for all its mailboxes
    names = [list(_bodies(store, people).values()) for store in machine.stores]
    assert [of_store[:1] * len(TEXTS) for of_store in names] == names
    assert sum(of_store[0] for of_store in names) == RECIPIENTS


@pytest.mark.one_machine("deliveries to several stores are several processes, and few each")
def test_a_kill_doubles_it_for_few(alice: Person, people: list[Person], machine: Machine) -> None:
    """Those whose reply was sent do not get it again; the others do, once."""
    machine.run("sh", "-c", ARM)
    try:
        alice.sends(*people, text="all")
        wait_for(lambda: _is_through(machine), "an empty queue")
    finally:
        machine.run("sh", "-c", "systemctl stop death || true")

    for person in people:
        person.imap.idle_done()
    copies = Counter(len(_texts(person)) for person in people)
    assert copies == {1: FLUSHED_AT_ONCE, 2: RECIPIENTS - FLUSHED_AT_ONCE}


def _is_notified(session: Imap) -> bool:
    return any(b"EXISTS" in response for response in session.notices(within_s=1))


def _texts(person: Person) -> list[str]:
    return [letter.text for letter in person.inbox()]


def _bodies(store: Machine, people: list[Person]) -> Counter[str]:
    """How many names each file with a body has."""
    printed = store.run("sh", "-c", BODIES, "bodies", *(person.address for person in people))
    return Counter(printed.split())


def _is_through(machine: Machine) -> bool:
    return "is empty" in machine.run("sh", "-c", "postqueue -f && postqueue -p")
