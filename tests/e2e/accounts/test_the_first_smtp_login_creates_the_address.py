"""The first SMTP login of an unknown address creates it."""

from __future__ import annotations

from chatmail_testkit.mail import sessions
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Target
from conftest import PersonFactory


def test_port_465_creates_it(new_person: PersonFactory, relay: str, bob: Person) -> None:
    """The address sends before its first IMAP login, and reads afterwards."""
    alice = new_person(relay)

    alice.sends(bob, alice, text="first words")

    assert bob.receives().text == "first words"
    assert alice.receives().text == "first words"


def test_port_587_creates_it(new_person: PersonFactory, target: Target, relay: str) -> None:
    """Port 587 offers AUTH only after STARTTLS."""
    alice = new_person(relay)
    with sessions.port_587(target, relay) as session:
        assert "auth" not in session.extensions
        session.starttls(target.tls())

        reply = session.login(alice.address, alice.password)

        assert reply.code == 235
    assert alice.inbox() == []
