"""A new certificate reloads Dovecot: open sessions go on, and can still be ended."""

from __future__ import annotations

import imaplib
import time
from collections.abc import Callable
from functools import partial

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.waiting import wait_for
from conftest import PersonFactory

pytestmark = pytest.mark.disturbs

HIBERNATION_S = 1.0  # imap_hibernate_timeout
# by default Dovecot ends the processes from before a reload after 6 s
WATCHED_S = 8.0


def test_working_and_hibernating_ones(
    alice: Person, bob: Person, new_person: PersonFactory, machine: Machine
) -> None:
    """One that hibernates is notified; one that is kicked ends."""
    dora = new_person(alice.domain)
    dora.imap.noop()
    bob.imap.idle()
    assert bob.imap.notices(within_s=2 * HIBERNATION_S) == []

    machine.run("systemctl", "reload", "dovecot")

    until_s = time.monotonic() + WATCHED_S
    while time.monotonic() < until_s:
        alice.sends(bob)
        assert bob.imap.notices(within_s=10)
        dora.imap.noop()
        bob.imap.notices(within_s=2 * HIBERNATION_S)  # it hibernates again
    machine.run("doveadm", "kick", bob.address)
    machine.run("doveadm", "kick", dora.address)
    hibernating = partial(bob.imap.notices, within_s=0.1)
    wait_for(partial(_fails, hibernating), "the end of one that hibernated")
    wait_for(partial(_fails, dora.imap.noop), "the end of one that worked")


def _fails(session: Callable[[], object]) -> bool:
    try:
        session()
    except (imaplib.IMAP4.error, OSError):
        return True
    return False
