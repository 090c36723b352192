"""`chatmail selftest` leaves no address, mail, notification or tombstone, whatever is broken."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chatmail_testkit.relays.services import stopped
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.waiting import wait_for
from conftest import PersonFactory

pytestmark = pytest.mark.disturbs

# names and sizes of all files; the result is what a selftest is for, pid files come and go, and a
# job counts the queue each minute, with its time
STATE = r"""
find /var/lib/chatmail /var/lib/postfix/queue /var/lib/dovecot /var/spool /tmp -type f \
  -not -path /var/lib/chatmail/selftest.json -not -path '*/postfix/queue/pid/*' \
  -not -path '*/postfix/queue/flush/*' \
  -not -path /var/lib/chatmail/numbers/queue.json \
  -printf '%p %s\n' 2>/dev/null | sort
"""


@pytest.fixture(params=["well", "without-dovecot", "delivery-waits", "without-filter"])
def _broken(request: pytest.FixtureRequest, machine: Machine) -> Iterator[None]:
    """A relay that is well, and relays on which the test message gets stuck somewhere."""
    match request.param:
        case "without-dovecot":
            with stopped(machine, "dovecot"):
                yield
        case "without-filter":
            with stopped(machine, "chatmail-filter"):
                yield
        case "delivery-waits":
            machine.run("postconf", "defer_transports=lmtp")
            machine.run("postfix", "reload")
            yield
            machine.run("postconf", "-X", "defer_transports")
            machine.run("postfix", "reload")
        case _:
            yield


@pytest.mark.usefixtures("_broken")
def test_the_state_is_the_same(machine: Machine) -> None:
    """Every file of the relay's state, before and after."""
    before = state(machine)

    machine.run("sh", "-c", "chatmail selftest || true")

    wait_for(lambda: state(machine) == before, "the state of before")
    assert "is empty" in machine.queue()


def test_late_logins_create_nothing(
    machine: Machine, new_person: PersonFactory, relay: str
) -> None:
    """Dovecot would ask the accounts service again when it is back, after the deletion."""
    before = state(machine)

    with stopped(machine, "chatmail-accounts"):
        machine.run("sh", "-c", "chatmail selftest || true")
    later = new_person(relay)
    later.imap.noop()

    assert [line for line in state(machine) if later.name not in line] == before


def test_a_killed_selftest_cleans_up(machine: Machine) -> None:
    """systemd ends a unit with SIGTERM."""
    before = state(machine)

    machine.run("sh", "-c", "timeout --signal=TERM 0.6 chatmail selftest || true")

    wait_for(lambda: state(machine) == before, "the state of before")


def state(machine: Machine) -> list[str]:
    """One line a file."""
    return machine.run("sh", "-c", STATE).splitlines()
