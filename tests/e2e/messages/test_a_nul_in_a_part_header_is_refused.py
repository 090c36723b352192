"""A NUL in a part header is refused: Postfix cuts the line there, which breaks the signature."""

from __future__ import annotations

import pytest
from chatmail_testkit.peers.peer import Peer
from chatmail_testkit.people.person import Person

OCTETS = b"Content-Type: application/octet-stream"


@pytest.mark.parametrize("field", [b'; name="a\0b"', b"\r\nX-Note: a\0b"])
def test_submission_and_port_25_refuse_it(
    field: bytes, peer: Peer, alice: Person, carol: Person
) -> None:
    """Both refuse alike, so no accepted message fails at the next relay."""
    message = alice.writes(carol).replace(OCTETS, OCTETS + field, 1)

    assert alice.submits(message, carol).code == 523
    reply = peer.delivers(peer.signs(message), carol, mail_from=alice.address)
    assert reply.code == 523
