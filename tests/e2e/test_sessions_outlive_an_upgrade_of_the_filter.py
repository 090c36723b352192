"""SMTP sessions outlive an upgrade of the filter: no client reads a 4xx because of it."""

from __future__ import annotations

import contextlib

import pytest
from support import smtp
from support.peer import Peer
from support.person import Person
from support.target import Machine, Target

FILTER = "chatmail-filter"
TIMES = 3
MANY = 100

pytestmark = [pytest.mark.disturbs, pytest.mark.timeout(120)]


def test_of_clients(alice: Person, bob: Person, machine: Machine) -> None:
    """Before a message, before DATA, and in the middle of it; the session is always the same."""
    texts = [f"{when} {number}" for number in range(TIMES) for when in ("idle", "open", "busy")]
    session = alice.smtp
    for text in texts:
        message = alice.writes(bob, text=text)
        if text.startswith("idle"):
            _upgrade(machine)
        assert session.mail(alice.address)[0] == 250
        assert session.rcpt(bob.address)[0] == 250
        if text.startswith("open"):
            _upgrade(machine)
        assert session.docmd("DATA")[0] == 354
        half = len(message) // 2
        session.send(message[:half])
        if text.startswith("busy"):
            _upgrade(machine)
        session.send(message[half:] + b".\r\n")
        assert session.getreply()[0] == 250

    assert session is alice.smtp
    assert [bob.receives().text for _ in texts] == texts


def test_of_slow_servers(
    peer: Peer, target: Target, alice: Person, carol: Person, other_machine: Machine
) -> None:
    """Two upgrades while a message comes in at port 25."""
    message = peer.signs(alice.writes(carol, text="x" * 100_000))
    with smtp.port_25(target, carol.domain) as session:
        assert session.mail(alice.address)[0] == session.rcpt(carol.address)[0] == 250
        assert session.docmd("DATA")[0] == 354
        for at in (0, 50_000):
            session.send(message[at : at + 50_000])
            _upgrade(other_machine)
        session.send(message[100_000:] + b".\r\n")

        assert session.getreply()[0] == 250
    assert carol.receives().text == "x" * 100_000


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


def test_of_many(
    peer: Peer, target: Target, alice: Person, carol: Person, other_machine: Machine
) -> None:
    """None is forgotten."""
    message = peer.signs(alice.writes(carol))
    with contextlib.ExitStack() as stack:
        sessions = [stack.enter_context(smtp.port_25(target, carol.domain)) for _ in range(MANY)]
        for session in sessions:
            assert session.mail(alice.address)[0] == session.rcpt(carol.address)[0] == 250
            session.rset()
        _upgrade(other_machine)

        replies = [
            smtp.transaction(session, alice.address, [carol.address], message)
            for session in sessions
        ]

    assert [reply.code for reply in replies] == [250] * MANY


def _upgrade(machine: Machine) -> None:
    machine.run("systemctl", "restart", FILTER)
