"""Dovecot works no more than before after it has ended a session and is reloaded."""

from __future__ import annotations

import time

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import CommandFailedError, Machine
from chatmail_testkit.waiting import wait_for

pytestmark = pytest.mark.disturbs

HIBERNATION_S = 1.0  # imap_hibernate_timeout
WATCHED_S = 1.0
# A process that spins takes all of it; one that shares two cores with other tests at least a fifth.
MOST_S = 0.1

# the processor time that a process takes within some seconds
PROGRAM = """
import os, sys, time

def taken_s():
    with open(f"/proc/{sys.argv[1]}/stat") as file:
        user, system = file.read().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

before_s = taken_s()
time.sleep(float(sys.argv[2]))
print(taken_s() - before_s)
"""


def test_after_a_hibernating_session(bob: Person, machine: Machine) -> None:
    """The deletion of an address ends its sessions, and a new certificate reloads Dovecot."""
    store = machine.store_of(bob.address)
    bob.imap.idle()
    assert bob.imap.notices(within_s=2 * HIBERNATION_S) == []
    served_by = _processes(store, "imap-hibernate")
    assert served_by
    store.run("doveadm", "kick", bob.address)
    store.run("systemctl", "reload", "dovecot")
    wait_for(
        lambda: not served_by & _processes(store, "imap-hibernate"),
        "the end of the process that had the session",
    )

    [anvil] = _processes(store, "anvil")

    assert float(store.run("python3", "-c", PROGRAM, anvil, str(WATCHED_S))) < MOST_S


def test_a_stop_after_it(alice: Person, bob: Person, machine: Machine) -> None:
    """The process still has the session of another person, and anvil its connection."""
    for person in (alice, bob):
        person.imap.idle()
        assert person.imap.notices(within_s=2 * HIBERNATION_S) == []
    store = machine.store_of(bob.address)
    store.run("doveadm", "kick", bob.address)
    [anvil] = _processes(store, "anvil")
    since_s = time.time()
    store.run("systemctl", "restart", "dovecot")
    wait_for(lambda: anvil not in _processes(store, "anvil"), "the end of the old process")

    lines = store.logs(since_s).splitlines()
    assert not [line for line in lines if "Panic" in line or "killed with signal" in line]


def _processes(machine: Machine, name: str) -> set[str]:
    """Return Dovecot's processes of this name; Postfix has an anvil, too."""
    try:
        return set(machine.run("pgrep", "--full", f"^dovecot/{name}( |$)").split())
    except CommandFailedError:
        return set()
