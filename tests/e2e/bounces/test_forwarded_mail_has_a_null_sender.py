"""Forwarded mail, whose envelope sender differs from From, is accepted; it cannot bounce."""

from __future__ import annotations

from chatmail_testkit.peers.peer import Peer
from chatmail_testkit.people.person import Person


def test_the_sender_becomes_null(peer: Peer, alice: Person, carol: Person) -> None:
    """The message arrives with the null sender in its Return-Path."""
    message = peer.signs(alice.writes(carol, text="forwarded"))

    reply = peer.delivers(message, carol, mail_from="list-bounces@example.org")

    assert reply.code == 250, reply.text
    letter = carol.receives()
    assert letter.text == "forwarded"
    assert letter.headers["Return-Path"] == "<>"


def test_direct_mail_keeps_its_sender(peer: Peer, alice: Person, carol: Person) -> None:
    """An envelope sender equal to From stays."""
    peer.delivers(peer.signs(alice.writes(carol)), carol, mail_from=alice.address)

    assert f"<{alice.address}>" == carol.receives().headers["Return-Path"]
