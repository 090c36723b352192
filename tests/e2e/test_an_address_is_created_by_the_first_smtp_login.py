"""Nobody registers: an unknown address with a good password exists from its first SMTP login."""

from __future__ import annotations

from chatmail_testkit.mail import sessions
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Target
from conftest import PersonFactory


def test_smtp_login(new_person: PersonFactory, relay: str, bob: Person) -> None:
    """The address can send before it ever used IMAP, and read afterwards."""
    alice = new_person(relay)

    alice.sends(bob, alice, text="first words")

    assert bob.receives().text == "first words"
    assert alice.receives().text == "first words"


def test_submission_with_starttls(new_person: PersonFactory, target: Target, relay: str) -> None:
    """Port 587 does the same, and offers no login before TLS."""
    alice = new_person(relay)
    with sessions.port_587(target, relay) as session:
        assert "auth" not in session.extensions
        session.starttls(target.tls())

        reply = session.login(alice.address, alice.password)

        assert reply.code == 235
    assert alice.inbox() == []
