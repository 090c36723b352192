"""Mailboxes of an older version are converted to sdbox, and back, and their owners notice nothing.

CHATMAIL_CONVERTED_MESSAGES=10000 fills a mailbox with so many messages; it takes minutes then.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import aiosmtplib
import pytest
from chatmail_testkit.mail.reply import OK
from chatmail_testkit.people.person import Person
from chatmail_testkit.people.reader import Reader
from chatmail_testkit.relays.target import AS_VMAIL, CommandFailedError, Machine
from chatmail_testkit.waiting import RETRIED_S, wait_for
from conftest import PersonFactory

from mailboxes.conversion import MAIL, UNIT, choose, has_ended

MESSAGES = int(os.environ.get("CHATMAIL_CONVERTED_MESSAGES", "300"))
KILLS = 2 if MESSAGES <= 300 else 8
KILL_WITHIN_S = 0.4 if MESSAGES <= 300 else 4.0
WRITERS = 2 if MESSAGES <= 300 else 6
PACE_S = 0.2
# some 100 ms, killed or not; at most 3 s, and a client's new connection
LONGEST_S = 5.0
FILL = """
import sys, time
home, number = sys.argv[1], int(sys.argv[2])
now = int(time.time()) - number
for i in range(number):
    text = (f"From: <a@b.test>\\nMessage-ID: <fill{i}@b.test>\\nSubject: ...\\n"
            f"Date: Thu, 26 Nov 2026 10:00:00 +0000\\n\\n" + "x" * 70 + "\\n" * (i % 30 + 1))
    flags = ":2,S" if i % 3 else ":2,"
    name = f"{now + i}.M{i}P1.b.test,S={len(text)},W={len(text) + text.count(chr(10))}{flags}"
    with open(f"{home}/cur/{name}", "w") as file:
        file.write(text)
"""


@pytest.fixture
def machine(other_machine: Machine) -> Iterator[Machine]:
    """The relay with few other accounts; new ones have the old format, as before an upgrade."""
    choose(other_machine, "maildir")
    yield other_machine
    choose(other_machine, "sdbox")
    other_machine.run("systemctl", "restart", UNIT)
    _wait(other_machine)


@pytest.mark.disturbs
def test_nothing_is_lost_or_doubled(
    machine: Machine, other_relay: str, new_person: PersonFactory
) -> None:
    """While messages arrive, a client reads, marks and moves, and the conversion is killed."""
    owner, *writers = [new_person(other_relay) for _ in range(1 + WRITERS)]
    for person in (owner, *writers):
        person.logs_in().end()
    home = f"{MAIL}/{owner.address}"
    machine.run(*AS_VMAIL, "python3", "-c", FILL, home, str(MESSAGES))
    reader = Reader(person=owner)
    before, marked = reader.takes_stock()
    assert len(before) == MESSAGES

    for wanted, directory in (("sdbox", "mailboxes"), ("maildir", "cur")):
        accepted, unknown = _convert_in_use(machine, owner, writers, reader, wanted)
        _empty_queue(machine)
        there, marked_there = reader.takes_stock()
        session = owner.logs_in()
        folders = [name for _, _, name in session.list_folders()]
        session.end()
        print(
            f"{wanted}: {len(there)} messages, {len(accepted)} arrived meanwhile,"
            f" {reader.ends} sessions ended, at most {reader.longest_s:.2f} s without an answer"
        )

        assert machine.run("sh", "-c", f"cat {MAIL}/*/conversion-failed || true") == ""
        machine.run("test", "-d", f"{home}/{directory}")
        assert "convert" not in machine.run("ls", home)
        assert {one: number for one, number in there.items() if number != 1} == {}
        assert set() == (set(before) | accepted) - set(there)
        assert set() == set(there) - set(before) - accepted - unknown
        assert reader.contradictions == []
        assert {1} == {len(values) for values in reader.validities.values()}
        assert set() == (marked | reader.marked) - marked_there
        assert set() == reader.made - set(folders)
        assert reader.longest_s < LONGEST_S
        before, marked, reader.longest_s = there, marked_there, 0


def _convert_in_use(
    machine: Machine, owner: Person, writers: Sequence[Person], reader: Reader, wanted: str
) -> tuple[set[bytes], set[bytes]]:
    """Return the Message-IDs that were accepted meanwhile, and those that may have been."""
    over = threading.Event()
    with ThreadPoolExecutor(len(writers) + 1) as pool:
        writing = [pool.submit(_write, writer, owner, over) for writer in writers]
        reading = pool.submit(reader.reads, over)
        try:
            choose(machine, wanted)
            machine.run("systemctl", "restart", UNIT)
            for _ in range(KILLS):
                time.sleep(random.uniform(0.05, KILL_WITHIN_S))
                with contextlib.suppress(CommandFailedError):  # it waits for its restart
                    machine.run("systemctl", "kill", "--signal=KILL", UNIT)
            _wait(machine)
        finally:
            over.set()
        reading.result()
        found = [one.result() for one in writing]
    return set().union(*(one[0] for one in found)), set().union(*(one[1] for one in found))


def _write(writer: Person, owner: Person, over: threading.Event) -> tuple[set[bytes], set[bytes]]:
    accepted: set[bytes] = set()
    unknown: set[bytes] = set()
    while not over.wait(PACE_S):
        message = writer.writes(owner)
        found = re.search(rb"(?im)^message-id: (<[^>]+>)", message)
        assert found
        try:
            reply = writer.submits(message, owner)
        except (aiosmtplib.SMTPException, OSError):
            unknown.add(found[1])
            writer.leaves()
            continue
        assert reply.code < 500, reply
        if reply.code == OK:
            accepted.add(found[1])
        else:
            writer.leaves()
    writer.leaves()
    return accepted, unknown


def _wait(machine: Machine) -> None:
    # on a busy machine the mailbox changes faster than it is copied, and several attempts are made
    within_s = RETRIED_S if MESSAGES <= 300 else 1800
    wait_for(lambda: has_ended(machine), "the end of the conversion", within_s=within_s)


def _empty_queue(machine: Machine) -> None:
    def is_empty() -> bool:
        machine.run("postqueue", "-f")
        return not machine.run("postqueue", "-j")

    wait_for(is_empty, "an empty queue", within_s=60)
