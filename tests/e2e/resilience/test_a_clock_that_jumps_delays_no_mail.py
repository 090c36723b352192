"""A wall clock that was an hour ahead, and is set back, stops neither logins nor mail."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.services import has_unit
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.waiting import RETRIED_S, wait_for
from conftest import PersonFactory
from imapclient.exceptions import IMAPClientError

pytestmark = pytest.mark.disturbs

# pkgs/chatmail-lab/preload/shifted-clock.c
TIMER = "chatmail-clock.timer"
LIBRARY = "/usr/lib/chatmail/shifted-clock.so"
PRELOAD = "/etc/ld.so.preload"
OFFSET = "/etc/lab-clock"
AHEAD, RIGHT = "+0003600", "+0000000"
DAEMONS = (
    "dovecot",
    "postfix",
    "chatmail-accounts",
    "chatmail-directory",
    "chatmail-filter",
    "chatmail-transport",
)
# Dovecot by itself starts no process for 180 s, and Postfix tries again after an hour. Processes
# from before the jump end when they notice it: a client connects again, and Postfix after 30 s.
WITHIN_S = 45
# a deferred message waits for 30 s, and for the next run of the queue, each 30 s


class Clock:
    """The wall clock of a relay; the kernel's clock is that of this machine."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def jumps(self, offset: str) -> None:
        """Move the clock, and start what systemd would: it reads the machine's clock."""
        # in place: all processes have mapped the file
        write = f"printf %s {offset} | dd of={OFFSET} conv=notrunc status=none"
        for member in self._machine.members:
            member.run("sh", "-c", write)
            member.run("systemctl", "start", "chatmail-clock.service")


@pytest.fixture
def clock(machine: Machine) -> Iterator[Clock]:
    """A clock that can be moved; the right one afterwards."""
    if not machine.run("sh", "-c", f"ls {LIBRARY} || true"):
        pytest.skip("needs a host of the lab")
    for member in machine.members:
        member.run("sh", "-c", f"printf %s {RIGHT} > {OFFSET}; echo {LIBRARY} > {PRELOAD}")
        _restart(member)
    yield Clock(machine)
    for member in machine.members:
        member.run("rm", PRELOAD, OFFSET)
        _restart(member)


def test_the_timer_waits_for_changes(machine: Machine) -> None:
    """Of the machine's clock."""
    for member in machine.members:
        shown = member.run("systemctl", "show", "--property=OnClockChange,ActiveState", TIMER)

        assert sorted(shown.split()) == ["ActiveState=active", "OnClockChange=yes"]


def test_logins_and_mail_go_on(
    clock: Clock, alice: Person, relay: str, new_person: PersonFactory
) -> None:
    """Forwards and back, with new sessions after each jump."""
    for offset in (AHEAD, RIGHT):
        clock.jumps(offset)
        bob = new_person(relay)
        _logs_in(bob)
        alice.sends(bob, text=f"at {offset}")

        assert bob.receives(within_s=WITHIN_S).text == f"at {offset}"


def test_deferred_mail_does_not_wait_for_the_old_time(
    clock: Clock, machine: Machine, alice: Person, bob: Person
) -> None:
    """It was deferred while the clock was ahead, and right after it was set back."""
    clock.jumps(AHEAD)
    alice.smtp.noop()
    _is_deferred(machine, bob, lambda: alice.sends(bob, text="from the future"))
    clock.jumps(RIGHT)
    _logs_in(bob)

    assert bob.receives(within_s=WITHIN_S).text == "from the future"
    alice.leaves()
    alice.smtp.noop()
    _is_deferred(machine, bob, lambda: alice.sends(bob, text="from today"))
    _logs_in(bob)
    assert bob.receives(within_s=RETRIED_S).text == "from today"


def _restart(member: Machine) -> None:
    member.run("systemctl", "restart", *(unit for unit in DAEMONS if has_unit(member, unit)))


def _is_deferred(machine: Machine, recipient: Person, send: Callable[[], object]) -> None:
    """Send a message while Dovecot is down."""
    # postqueue(1): the reason stands before the recipient
    deferred = re.compile(rf"\)\n\s+{re.escape(recipient.address)}\n")
    machine.stop("dovecot")
    send()
    wait_for(lambda: deferred.search(machine.queue()), "it is deferred", within_s=WITHIN_S)
    machine.start("dovecot")


def _logs_in(person: Person) -> None:
    """Open a new session, as a client does after it lost the old one."""

    def logged_in() -> bool:
        person.leaves()
        try:
            return bool(person.imap.noop())
        except (IMAPClientError, OSError):
            return False

    wait_for(logged_in, "a login", within_s=WITHIN_S)
