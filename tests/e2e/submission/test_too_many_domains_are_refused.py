"""One message goes to a hundred other servers at most."""

from __future__ import annotations

from chatmail_testkit.people.person import Person

DOMAINS = 100


def test_in_one_message(alice: Person) -> None:
    """The next domain is refused, a domain of before is not; the message is not sent."""
    alice.smtp.command(f"MAIL FROM:<{alice.address}>")
    codes = [
        alice.smtp.command(f"RCPT TO:<x@{number}.no-mail.test>").code for number in range(DOMAINS)
    ]
    refused = alice.smtp.command("RCPT TO:<x@too.no-mail.test>")

    assert codes == [250] * DOMAINS
    assert refused.code == 452
    assert refused.text.startswith("4.5.3 Too many domains in one message")
    assert alice.smtp.command("RCPT TO:<y@0.no-mail.test>").code == 250
    alice.smtp.command("RSET")
