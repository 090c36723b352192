"""Bounces to other relays are signed, because relays refuse unsigned mail."""

from __future__ import annotations

from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Machine

MAILBOX = "/var/lib/chatmail/mail/{address}/maildirsize"
FULL = "524288000S,50000C\n{:d} 1\n"  # Maildir++: limits, then bytes and messages used


def test_a_full_mailbox_causes_a_signed_bounce(
    alice: Person, carol: Person, other_machine: Machine
) -> None:
    """Alice's relay accepts the bounce of Carol's, so its signature is valid."""
    sizes = MAILBOX.format(address=carol.address)
    other_machine.run("sh", "-c", f'cat > "{sizes}"', stdin=FULL.format(600_000_000).encode())
    other_machine.run("chown", "vmail:vmail", sizes)

    alice.sends(carol)

    bounce = alice.receives(within_s=20).headers
    assert bounce.get_content_type() == "multipart/report"
    assert f"mailer-daemon@{carol.domain}" in bounce["From"].lower()
    assert b"5.2.2" in bounce.as_bytes()
