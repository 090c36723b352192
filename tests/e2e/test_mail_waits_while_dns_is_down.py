"""A signature that cannot be checked now is no reason to refuse for good."""

from __future__ import annotations

import secrets

import pytest
from support import messages
from support.peer import Peer
from support.person import Person
from support.services import stopped
from support.target import Machine


@pytest.mark.disturbs
def test_unreachable_key(peer: Peer, alice: Person, carol: Person, other_machine: Machine) -> None:
    """4xx while the resolver is down, the final word once it answers again."""
    never_asked_for = f"s{secrets.token_hex(4)}"
    message = messages.signed(alice.writes(carol), peer.domain, never_asked_for, peer.private_key)

    with stopped(other_machine, "unbound"):
        meanwhile = peer.delivers(message, carol, mail_from=alice.address)
    afterwards = peer.delivers(message, carol, mail_from=alice.address)

    assert (meanwhile.code // 100, afterwards.code) == (4, 554)
