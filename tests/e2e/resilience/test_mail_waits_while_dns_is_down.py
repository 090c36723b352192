"""Mail whose signature cannot be checked is deferred while DNS is down."""

from __future__ import annotations

import secrets

import pytest
from chatmail_testkit.mail import messages
from chatmail_testkit.peers.peer import Peer
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.services import stopped
from chatmail_testkit.relays.target import Machine


@pytest.mark.disturbs
def test_an_unreachable_key_defers(
    peer: Peer, alice: Person, carol: Person, other_machine: Machine
) -> None:
    """4xx while the resolver is down, the final reply afterwards."""
    never_asked_for = f"s{secrets.token_hex(4)}"
    message = messages.signed(alice.writes(carol), peer.domain, never_asked_for, peer.private_key)

    with stopped(other_machine, "unbound"):
        meanwhile = peer.delivers(message, carol, mail_from=alice.address)
    afterwards = peer.delivers(message, carol, mail_from=alice.address)

    assert (meanwhile.code // 100, afterwards.code) == (4, 554)
