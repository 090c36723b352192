"""Without bytes or inodes mail waits, the operator is told, and delivery resumes by itself."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import CommandFailedError, Machine
from chatmail_testkit.waiting import GIVEN_UP_S, RETRIED_S, wait_for
from conftest import PersonFactory

pytestmark = pytest.mark.disturbs

MAIL = "/var/lib/chatmail/mail"
# new addresses need 1 GiB and 50,000 inodes
DISK = "size=2G,nr_inodes=60000"
SMALL = "remount,size=160M,nr_inodes=3000"
FILL = {
    "bytes": f"cat /dev/zero >> {MAIL}/filler/zeros",
    "inodes": f"cd {MAIL}/filler; seq 4000 | xargs touch",
}
# the reason that postqueue prints: Dovecot refused for now
WAITS = "said: 4"
TOLD_WITHIN_S = 40


@pytest.fixture(autouse=True)
def _small_disk(machine: Machine) -> Iterator[None]:
    """A file system of its own for the mailboxes of the relay."""
    mode, owner = machine.stores[0].run("stat", "-c", "%a %U:%G", MAIL).split()
    machine.run("mount", "-t", "tmpfs", "-o", DISK, "mailboxes", MAIL)
    machine.run("chown", owner, MAIL)
    machine.run("chmod", mode, MAIL)
    machine.run("systemctl", "restart", "chatmail-accounts", "chatmail-filter", "dovecot")
    yield
    machine.run("umount", "--lazy", MAIL)
    machine.run("systemctl", "restart", "chatmail-accounts", "chatmail-filter", "dovecot")


@pytest.mark.parametrize("what", FILL)
def test_full(what: str, relay: str, new_person: PersonFactory, machine: Machine) -> None:
    """One line in the journal without an address, a red selftest, a sentence in the status."""
    alice, bob = new_person(relay), new_person(relay)
    alice.imap.noop()
    bob.imap.noop()
    store = machine.store_of(bob.address)
    store.run("mount", "-o", SMALL, MAIL)
    assert _space_check(store)["outcome"] == "passed"
    since_s = time.time()
    store.run("mkdir", f"{MAIL}/filler")
    sent: list[str] = []

    def one_waits() -> bool:
        """Fills again: a session may have given back the file that the last message needed."""
        store.run("sh", "-c", f"( {FILL[what]} ) 2>/dev/null || true")
        sent.append(f"patient {len(sent)}")
        alice.sends(bob, text=sent[-1])
        return WAITS in machine.queue()

    wait_for(one_waits, "a message waits", within_s=GIVEN_UP_S, every_s=1)
    wait_for(lambda: _lines(machine, since_s, "nearly full"), "a line", within_s=TOLD_WITHIN_S)
    assert bob.address in machine.queue()
    assert _space_check(store)["outcome"] == "failed"
    [status] = [
        line
        for line in store.run("sh", "-c", "chatmail status || true").splitlines()
        if line.startswith("space")
    ]
    assert "MiB and" in status
    assert "inodes free" in status
    store.run("rm", "-rf", f"{MAIL}/filler")

    assert sorted(bob.receives(within_s=RETRIED_S).text for _ in sent) == sorted(sent)
    wait_for(lambda: _lines(machine, since_s, "space again"), "the end", within_s=TOLD_WITHIN_S)
    assert _space_check(store)["outcome"] == "passed"
    lines = _lines(machine, since_s, "nearly full")
    assert len(lines) == 1
    assert not any(_names(person, lines) for person in (alice, bob))


def _lines(machine: Machine, since_s: float, text: str) -> list[str]:
    return [line for line in machine.logs(since_s).splitlines() if text in line]


def _names(person: Person, lines: list[str]) -> bool:
    return any(person.name in line for line in lines)


def _space_check(machine: Machine) -> dict[str, str]:
    """The check of the selftest, which ends with 1 if any check fails."""
    report = machine.run("sh", "-c", "chatmail selftest --json || true")
    try:
        checks: list[dict[str, str]] = json.loads(report)["checks"]
    except ValueError as error:
        raise CommandFailedError(report) from error
    return next(check for check in checks if check["name"] == "space")
