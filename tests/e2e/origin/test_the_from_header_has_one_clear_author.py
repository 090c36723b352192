"""From must name one clear author: comments may nest, unquoted addresses as names are refused."""

from __future__ import annotations

from chatmail_testkit.peers.peer import Peer
from chatmail_testkit.people.person import Person

RIGHT = (
    "(one (two) three) <{address}>",
    "Alice (of (the (relay))) <{address}>",
    '"ceo@bank.example" <{address}>',
    "{address} (ceo@bank.example)",
)
WRONG = (
    "ceo@bank.example <{address}>",
    "The ceo @bank.example <{address}>",
    "ceo@bank.example: <{address}>;",
    "(one (two) <{address}>",
)


def test_submission_checks_from(alice: Person, bob: Person) -> None:
    """For messages of clients."""
    for form in RIGHT:
        message = alice.writes(bob, text=form, headers={"From": form.format(address=alice.address)})
        assert alice.submits(message, bob).code == 250
        assert bob.receives().text == form
    for form in WRONG:
        message = alice.writes(bob, headers={"From": form.format(address=alice.address)})
        assert alice.submits(message, bob)[:2] == (500, "Invalid FROM header: not an address")


def test_port_25_checks_from(peer: Peer, alice: Person, carol: Person) -> None:
    """For messages of other servers."""
    for form in RIGHT:
        headers = {"From": form.format(address=alice.address)}
        message = peer.signs(alice.writes(carol, text=form, headers=headers))
        reply = peer.delivers(message, carol, mail_from=alice.address)
        assert reply.code == 250, reply.text
        assert carol.receives().text == form
    for form in WRONG:
        headers = {"From": form.format(address=alice.address)}
        message = peer.signs(alice.writes(carol, headers=headers))
        assert peer.delivers(message, carol, mail_from=alice.address).code == 500
