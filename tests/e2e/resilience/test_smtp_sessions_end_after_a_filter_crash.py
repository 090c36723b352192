"""After a crash of the filter, open SMTP sessions end with one 4xx."""

from __future__ import annotations

import aiosmtplib
import pytest
from chatmail_testkit.mail import sessions
from chatmail_testkit.mail.reply import transaction
from chatmail_testkit.peers.peer import Peer
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Machine, Target
from chatmail_testkit.waiting import wait_for

FILTER = "chatmail-filter"

pytestmark = pytest.mark.disturbs


def test_client_sessions_end(alice: Person, bob: Person, machine: Machine) -> None:
    """The next session works; in the old one, clients would retry in vain."""
    alice.sends(bob, text="before")
    _die_and_come_back(machine)
    message = alice.writes(bob, text="after")

    assert alice.submits(message, bob).code == 421
    with pytest.raises(aiosmtplib.SMTPServerDisconnected):
        alice.smtp.noop()

    alice.leaves()
    assert alice.submits(message, bob).code == 250
    assert [bob.receives().text for _ in range(2)] == ["before", "after"]


def test_server_sessions_end(
    peer: Peer, target: Target, alice: Person, carol: Person, other_machine: Machine
) -> None:
    """Servers keep sessions for minutes while they have mail."""
    message = peer.signs(alice.writes(carol))
    with sessions.port_25(target, carol.domain) as session:
        session.noop()
        _die_and_come_back(other_machine)

        reply = transaction(session, alice.address, [carol.address], message)

        assert reply.code == 421
        with pytest.raises(aiosmtplib.SMTPServerDisconnected):
            session.noop()
    assert peer.delivers(message, carol, mail_from=alice.address).code == 250
    assert carol.receives().text == "hello"


def _die_and_come_back(machine: Machine) -> None:
    def is_back(front: Machine) -> bool:
        shown = front.run("systemctl", "show", "--property=ActiveState,MainPID", FILTER)
        return "ActiveState=active" in shown and before[front] not in shown.split()

    show = ("systemctl", "show", "--property=MainPID", FILTER)
    before = {front: front.run(*show).strip() for front in machine.fronts}
    machine.run("systemctl", "kill", "--signal=KILL", FILTER)
    wait_for(lambda: all(is_back(front) for front in machine.fronts), "the filter is back")
