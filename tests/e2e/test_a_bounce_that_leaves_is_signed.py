"""Other relays refuse unsigned mail, so a bounce that crosses the border carries a signature."""

from __future__ import annotations

from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Machine

MAILBOX = "/var/lib/chatmail/mail/{address}/maildirsize"
FULL = "524288000S\n{:d} 1\n"  # Maildir++: the limit, then bytes and messages that are there


def test_full_mailbox(alice: Person, carol: Person, other_machine: Machine) -> None:
    """Carol's relay bounces to Alice's, which demands a valid signature of whatever comes in."""
    sizes = MAILBOX.format(address=carol.address)
    other_machine.run("sh", "-c", f'cat > "{sizes}"', stdin=FULL.format(600_000_000).encode())
    other_machine.run("chown", "vmail:vmail", sizes)

    alice.sends(carol)

    bounce = alice.receives(within_s=20).headers
    assert bounce.get_content_type() == "multipart/report"
    assert f"mailer-daemon@{carol.domain}" in bounce["From"].lower()
    assert b"5.2.2" in bounce.as_bytes()
