"""Bounces to other relays are signed, because relays refuse unsigned mail."""

from __future__ import annotations

import time

from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.filling import fill
from chatmail_testkit.relays.target import Machine


def test_a_full_mailbox_causes_a_signed_bounce(
    alice: Person, carol: Person, other_machine: Machine
) -> None:
    """Alice's relay accepts the bounce of Carol's, so its signature is valid."""
    fill(carol, other_machine, 1, 600_000_000, stored_s=time.time())

    alice.sends(carol)

    bounce = alice.receives().headers
    assert bounce.get_content_type() == "multipart/report"
    assert f"mailer-daemon@{carol.domain}" in bounce["From"].lower()
    assert b"5.2.2" in bounce.as_bytes()
