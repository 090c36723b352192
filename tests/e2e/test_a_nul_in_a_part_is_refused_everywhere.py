"""Postfix cuts a header line of a part at a NUL when it sends; then no signature fits any more."""

from __future__ import annotations

import pytest
from chatmail_testkit.peers.peer import Peer
from chatmail_testkit.people.person import Person

OCTETS = b"Content-Type: application/octet-stream"


@pytest.mark.parametrize("field", [b'; name="a\0b"', b"\r\nX-Note: a\0b"])
def test_answered_at_submission(field: bytes, peer: Peer, alice: Person, carol: Person) -> None:
    """Both sides judge alike, so nothing is accepted that the next relay refuses."""
    message = alice.writes(carol).replace(OCTETS, OCTETS + field, 1)

    assert alice.submits(message, carol).code == 523
    reply = peer.delivers(peer.signs(message), carol, mail_from=alice.address)
    assert reply.code == 523
