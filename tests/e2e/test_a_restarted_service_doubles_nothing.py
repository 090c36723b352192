"""An upgrade restarts a service of the receiving relay while a message is half-way in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.person import Person
from support.target import Machine
from support.waiting import wait_for

FILTER = "chatmail-filter"
MXDELIV = "/run/chatmail-transport/mxdeliv.sock"


@pytest.fixture
def held(machine: Machine, other_machine: Machine) -> Iterator[Machine]:
    """The other relay, whose filter does not answer before the test lets it."""
    machine.run("systemctl", "restart", "chatmail-transport")  # no host has failed there yet
    _signal(other_machine, "STOP")
    yield other_machine
    _signal(other_machine, "CONT")


@pytest.mark.disturbs
@pytest.mark.parametrize("unit", ["nginx", "chatmail-transport"])
def test_restart(unit: str, alice: Person, carol: Person, machine: Machine, held: Machine) -> None:
    """Its request over HTTPS is still answered, so that the sender does not send it again."""
    alice.sends(carol, text="once")
    wait_for(lambda: _requests(held), "the message is on its way in", within_s=20)

    before = _state(held, unit)
    held.run("systemctl", "restart", "--no-block", unit)
    wait_for(lambda: _state(held, unit) != before, "the service stops", within_s=5)
    _signal(held, "CONT")

    assert carol.receives(within_s=30).text == "once"
    wait_for(lambda: _nothing_waits(machine, held), "nothing waits", within_s=30)
    assert len(carol.inbox()) == 1


def _nothing_waits(*machines: Machine) -> bool:
    return all("empty" in machine.queue() for machine in machines)


def _signal(machine: Machine, name: str) -> None:
    machine.run("systemctl", "kill", f"--signal={name}", FILTER)


def _state(machine: Machine, unit: str) -> str:
    return machine.run("systemctl", "show", "--property=SubState,InvocationID", unit)


def _requests(machine: Machine) -> bool:
    """Whether nginx waits for the answer to a delivery."""
    return MXDELIV in machine.run("ss", "-Hnx", "state", "established")
