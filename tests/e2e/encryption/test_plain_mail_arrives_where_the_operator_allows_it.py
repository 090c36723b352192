"""New addresses accept encrypted mail only, until the operator removes their marker."""

from __future__ import annotations

from chatmail_testkit.mail import messages
from chatmail_testkit.peers.peer import Peer
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Machine
from conftest import PersonFactory

MARKER = "/var/lib/chatmail/mail/{address}/enforceE2EEincoming"


def test_plain_mail_arrives_without_the_marker(
    peer: Peer, alice: Person, carol: Person, other_machine: Machine
) -> None:
    """A valid signature is still required."""
    other_machine.run("rm", MARKER.format(address=carol.address))
    message = messages.plain(alice.address, [carol.address], "plain words")

    assert peer.delivers(message, carol, mail_from=alice.address).code == 554
    assert peer.delivers(peer.signs(message), carol, mail_from=alice.address).code == 250
    assert b"plain words" in carol.receives().raw


def test_one_enforcing_recipient_refuses(
    peer: Peer,
    alice: Person,
    carol: Person,
    new_person: PersonFactory,
    other_machine: Machine,
) -> None:
    """For all recipients of the message."""
    dave = new_person(carol.domain)
    dave.logs_in()
    other_machine.run("rm", MARKER.format(address=carol.address))
    message = peer.signs(messages.plain(alice.address, [carol.address, dave.address]))

    assert peer.delivers(message, carol, dave, mail_from=alice.address).code == 523


def test_outgoing_mail_stays_encrypted(carol: Person, other_machine: Machine) -> None:
    """The marker concerns incoming mail only."""
    other_machine.run("rm", MARKER.format(address=carol.address))

    reply = carol.submits(messages.plain(carol.address, [carol.address]), carol)

    assert reply.code == 523
