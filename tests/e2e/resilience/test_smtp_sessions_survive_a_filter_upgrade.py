"""Open SMTP sessions survive an upgrade of the filter without a 4xx."""

from __future__ import annotations

import contextlib

import pytest
from chatmail_testkit.mail import sessions
from chatmail_testkit.mail.reply import transaction
from chatmail_testkit.mail.smtp import Smtp
from chatmail_testkit.peers.peer import Peer
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Machine, Target

FILTER = "chatmail-filter"
TIMES = 3
MANY = 100

pytestmark = pytest.mark.disturbs


def test_client_sessions_survive(alice: Person, bob: Person, machine: Machine) -> None:
    """Upgrades before a message, before DATA and during DATA, in one session."""
    texts = [f"{when} {number}" for number in range(TIMES) for when in ("idle", "open", "busy")]
    session = alice.smtp
    for text in texts:
        message = alice.writes(bob, text=text)
        if text.startswith("idle"):
            _upgrade(machine)
        assert session.command(f"MAIL FROM:<{alice.address}>").code == 250
        assert session.command(f"RCPT TO:<{bob.address}>").code == 250
        if text.startswith("open"):
            _upgrade(machine)
        assert session.command("DATA").code == 354
        half = len(message) // 2
        session.send(message[:half])
        if text.startswith("busy"):
            _upgrade(machine)
        assert session.exchange(message[half:] + b".\r\n").code == 250

    assert session is alice.smtp
    assert [bob.receives().text for _ in texts] == texts


def test_slow_server_sessions_survive(
    peer: Peer, target: Target, alice: Person, carol: Person, other_machine: Machine
) -> None:
    """Two upgrades during one message at port 25."""
    message = peer.signs(alice.writes(carol, text="x" * 100_000))
    with sessions.port_25(target, carol.domain) as session:
        assert _envelope(session, alice, carol) == (250, 250)
        assert session.command("DATA").code == 354
        for at in (0, 50_000):
            session.send(message[at : at + 50_000])
            _upgrade(other_machine)

        assert session.exchange(message[100_000:] + b".\r\n").code == 250
    assert carol.receives().text == "x" * 100_000


def test_server_sessions_survive(
    peer: Peer, target: Target, alice: Person, carol: Person, other_machine: Machine
) -> None:
    """Two sessions at port 25; one is idle during the upgrades."""
    with (
        sessions.port_25(target, carol.domain) as first,
        sessions.port_25(target, carol.domain) as second,
    ):
        for session in (first, second, first):
            message = peer.signs(alice.writes(carol))
            _upgrade(other_machine)

            reply = transaction(session, alice.address, [carol.address], message)

            assert reply.code == 250, reply.text
    assert [carol.receives().text for _ in range(3)] == ["hello"] * 3


def test_many_sessions_survive(
    peer: Peer, target: Target, alice: Person, carol: Person, other_machine: Machine
) -> None:
    """No session is lost."""
    message = peer.signs(alice.writes(carol))
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(sessions.port_25(target, carol.domain)) for _ in range(MANY)]
        for session in opened:
            assert _envelope(session, alice, carol) == (250, 250)
            session.command("RSET")
        _upgrade(other_machine)

        replies = [
            transaction(session, alice.address, [carol.address], message) for session in opened
        ]

    assert [reply.code for reply in replies] == [250] * MANY


def _envelope(session: Smtp, sender: Person, recipient: Person) -> tuple[int, int]:
    """Return the codes of MAIL and RCPT."""
    mail = session.command(f"MAIL FROM:<{sender.address}>")
    return mail.code, session.command(f"RCPT TO:<{recipient.address}>").code


def _upgrade(machine: Machine) -> None:
    machine.run("systemctl", "restart", FILTER)
