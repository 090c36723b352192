"""One message goes to a hundred other servers at most."""

from __future__ import annotations

from chatmail_testkit.mail.reply import transaction
from chatmail_testkit.people.person import Person

DOMAINS = 100


def test_in_one_message(alice: Person, bob: Person) -> None:
    """The message is refused at its end, and nobody gets it; the next one passes."""
    recipients = [f"x@{number}.no-mail.test" for number in range(DOMAINS + 1)]
    message = alice.writes(bob)

    refused = transaction(alice.smtp, alice.address, [bob.address, *recipients], message)

    assert refused.code == 452
    assert refused.text.startswith("4.5.3 Too many domains in one message")
    assert alice.submits(alice.writes(bob, text="next"), bob).code == 250
    assert bob.receives().text == "next"
