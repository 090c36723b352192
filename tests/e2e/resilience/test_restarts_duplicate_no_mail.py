"""A restart of services in the middle of a message duplicates no mail."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.filling import folder
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.waiting import is_open, wait_for

FILTER = "chatmail-filter"
MXDELIV = "/run/chatmail/transport-nginx/mxdeliv.sock"
LOCKING = """
import fcntl, os, time

with open(os.environ["LOCKED"], "rb+") as file:
    fcntl.lockf(file, fcntl.LOCK_EX)
    print("locked", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def held(machine: Machine, other_machine: Machine, other_relay: str) -> Iterator[Machine]:
    """The other relay, whose filter is stopped until the test continues it."""
    wait_for(lambda: is_open(other_relay, 443), "nginx is back after the last test")
    machine.run("systemctl", "restart", "chatmail-transport")  # clears the cache of failed hosts
    _signal(other_machine, "STOP")
    yield other_machine
    _signal(other_machine, "CONT")


@pytest.mark.disturbs
@pytest.mark.parametrize("unit", ["nginx", "chatmail-transport"])
def test_requests_are_answered_before_a_restart(
    unit: str, alice: Person, carol: Person, machine: Machine, held: Machine
) -> None:
    """The receiving relay answers, so the sender does not retry."""
    alice.sends(carol, text="once")
    wait_for(lambda: _requests(held), "the transport to have the message")

    before = _state(held, unit)
    held.run("systemctl", "restart", "--no-block", unit)
    wait_for(lambda: _state(held, unit) != before, "the service stops")
    _signal(held, "CONT")

    assert carol.receives().text == "once"
    wait_for(lambda: _nothing_waits(machine, held), "nothing waits")
    assert len(carol.inbox()) == 1


@pytest.mark.disturbs
@pytest.mark.usefixtures("lab")  # other relays may have no Python
@pytest.mark.parametrize(
    "units",
    [
        "postfix",
        pytest.param(
            "postfix dovecot",
            marks=pytest.mark.one_machine("a store waits for no front, whose queue has the mail"),
        ),
    ],
)
def test_deliveries_are_finished_before_a_restart(
    units: str, alice: Person, bob: Person, machine: Machine
) -> None:
    """Dovecot has half a message: Postfix waits for its reply, and Dovecot for Postfix."""
    bob.inbox()
    with _locked(machine, f"{folder(bob)}/dovecot.index.log"):
        alice.sends(bob, text="once")
        begun = "grep -e '->' /proc/locks || true"  # a process that waits for a lock
        store = machine.store_of(bob.address)
        wait_for(lambda: store.run("sh", "-c", begun), "the delivery begins")
        before = _state(machine, "postfix")
        machine.run("systemctl", "restart", "--no-block", *units.split())
        wait_for(lambda: _state(machine, "postfix") != before, "Postfix stops")

    bob.leaves()
    machine.run("systemctl", "start", *units.split())
    assert bob.receives().text == "once"
    wait_for(lambda: _nothing_waits(machine), "nothing waits")
    assert len(bob.inbox()) == 1


@contextlib.contextmanager
def _locked(machine: Machine, path: str) -> Iterator[None]:
    """Block a delivery of Dovecot: another process holds the lock of an index."""
    # the journal has the arguments of what writes to it, and the path has an address;
    # it also has the lines of an earlier unit of the same name
    unit = f"locks-a-mailbox-{secrets.token_hex(4)}"
    options = ["--quiet", f"--unit={unit}", f"--setenv=LOCKED={path}"]
    machine.run("systemd-run", *options, "python3", "-c", LOCKING)
    try:
        wait_for(lambda: "locked" in machine.run("journalctl", "-u", unit), "a lock")
        yield
    finally:
        machine.run("systemctl", "stop", unit)


def _nothing_waits(*machines: Machine) -> bool:
    return all("empty" in machine.queue() for machine in machines)


def _signal(machine: Machine, name: str) -> None:
    machine.run("systemctl", "kill", f"--signal={name}", FILTER)


def _state(machine: Machine, unit: str) -> str:
    return machine.run("systemctl", "show", "--property=SubState,InvocationID", unit)


def _requests(machine: Machine) -> bool:
    """Return whether nginx waits for the answer to a delivery."""
    return MXDELIV in machine.run("ss", "-Hnx", "state", "established")
