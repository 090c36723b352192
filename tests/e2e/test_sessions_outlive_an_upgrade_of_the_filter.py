"""SMTP sessions outlive an upgrade of the filter: no client reads a 4xx because of it."""

from __future__ import annotations

import threading

import pytest
from support import smtp
from support.peer import Peer
from support.person import Person
from support.target import Machine, Target
from support.waiting import wait_for

FILTER = "chatmail-filter"
TIMES = 3

pytestmark = [pytest.mark.disturbs, pytest.mark.timeout(120)]


def test_of_clients(alice: Person, bob: Person, machine: Machine) -> None:
    """Before a message, in the middle of one, and between two; the session is always the same."""
    texts = [f"{when} {number}" for number in range(TIMES) for when in ("idle", "busy")]
    session = alice.smtp
    for number in range(TIMES):
        idle, busy = (
            alice.writes(bob, text=f"idle {number}"),
            alice.writes(bob, text=f"busy {number}"),
        )
        _upgrade(machine)
        assert alice.submits(idle, bob).code == 250
        assert session.mail(alice.address)[0] == 250
        assert session.rcpt(bob.address)[0] == 250
        restart = threading.Thread(target=_upgrade, args=[machine])
        restart.start()
        wait_for(lambda: _state(machine) == "deactivating", "the end begins", within_s=20)
        assert session.data(busy)[0] == 250
        restart.join()

    assert session is alice.smtp
    assert [bob.receives().text for _ in texts] == texts


def test_of_other_servers(
    peer: Peer, target: Target, alice: Person, carol: Person, other_machine: Machine
) -> None:
    """Two sessions at port 25, one of which says nothing during the restarts."""
    with smtp.port_25(target, carol.domain) as first, smtp.port_25(target, carol.domain) as second:
        for session in (first, second, first):
            message = peer.signs(alice.writes(carol))
            _upgrade(other_machine)

            reply = smtp.transaction(session, alice.address, [carol.address], message)

            assert reply.code == 250, reply.text
    assert [carol.receives().text for _ in range(3)] == ["hello"] * 3


def _upgrade(machine: Machine) -> None:
    machine.run("systemctl", "restart", FILTER)


def _state(machine: Machine) -> str:
    return machine.run("systemctl", "show", "--value", "--property=ActiveState", FILTER).strip()
