"""Nobody registers: an unknown address with a good password exists from its first SMTP login."""

from __future__ import annotations

import smtplib

from conftest import PersonFactory
from support.person import Person
from support.smtp import HELLO, TIMEOUT_S, closing
from support.target import Target


def test_smtp_login(new_person: PersonFactory, relay: str, bob: Person) -> None:
    """The address can send before it ever used IMAP, and read afterwards."""
    alice = new_person(relay)

    alice.sends(bob, alice, text="first words")

    assert bob.receives().text == "first words"
    assert alice.receives().text == "first words"


def test_submission_with_starttls(new_person: PersonFactory, target: Target, relay: str) -> None:
    """Port 587 does the same, and offers no login before TLS."""
    alice = new_person(relay)
    session = smtplib.SMTP(target.host(relay), 587, HELLO, timeout=TIMEOUT_S)
    with closing(session):
        session.ehlo()
        assert not session.has_extn("auth")
        session.starttls(context=target.tls())

        code, _ = session.login(alice.address, alice.password)

        assert code == 235
    assert alice.inbox() == []
