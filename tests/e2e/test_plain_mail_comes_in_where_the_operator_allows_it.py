"""Every new address takes encrypted mail only, until its operator removes the marker."""

from __future__ import annotations

from chatmail_testkit.mail import messages
from chatmail_testkit.peers.peer import Peer
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Machine
from conftest import PersonFactory

MARKER = "/var/lib/chatmail/mail/{address}/enforceE2EEincoming"


def test_without_the_marker(
    peer: Peer, alice: Person, carol: Person, other_machine: Machine
) -> None:
    """Plain mail with a valid signature arrives, without one it does not."""
    other_machine.run("rm", MARKER.format(address=carol.address))
    message = messages.plain(alice.address, [carol.address], "plain words")

    assert peer.delivers(message, carol, mail_from=alice.address).code == 554
    assert peer.delivers(peer.signs(message), carol, mail_from=alice.address).code == 250
    assert b"plain words" in carol.receives().raw


def test_beside_an_enforcing_recipient(
    peer: Peer,
    alice: Person,
    carol: Person,
    new_person: PersonFactory,
    other_machine: Machine,
) -> None:
    """One enforcing recipient is enough to refuse."""
    dave = new_person(carol.domain)
    dave.logs_in()
    other_machine.run("rm", MARKER.format(address=carol.address))
    message = peer.signs(messages.plain(alice.address, [carol.address, dave.address]))

    assert peer.delivers(message, carol, dave, mail_from=alice.address).code == 523


def test_outgoing_stays_encrypted(carol: Person, other_machine: Machine) -> None:
    """The marker says nothing about what leaves."""
    other_machine.run("rm", MARKER.format(address=carol.address))

    reply = carol.submits(messages.plain(carol.address, [carol.address]), carol)

    assert reply.code == 523
