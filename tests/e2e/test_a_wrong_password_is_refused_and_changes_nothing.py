"""Whoever knows an address but not its password gets nothing, and breaks nothing."""

from __future__ import annotations

import aiosmtplib
import pytest
from chatmail_testkit.mail import sessions
from chatmail_testkit.people.names import new_password
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Target
from imapclient.exceptions import LoginError


def test_imap(alice: Person) -> None:
    """The first password goes on working after a wrong one was tried."""
    with pytest.raises(LoginError, match="AUTHENTICATIONFAILED"):
        alice.logs_in(password=new_password())

    assert alice.logs_in().select_folder("INBOX")


def test_smtp(alice: Person, target: Target) -> None:
    """SMTP refuses with 535, which clients show as a wrong password."""
    wrong = new_password()
    with (
        pytest.raises(aiosmtplib.SMTPAuthenticationError) as refused,
        sessions.submission(target, alice.domain, alice.address, wrong),
    ):
        pass

    assert refused.value.code == 535
    assert alice.smtp.noop().code == 250


def test_two_people_with_the_same_password(alice: Person, bob: Person) -> None:
    """Equal passwords are nobody's business."""
    bob.leaves()
    carol = Person(target=alice.target, domain=alice.domain, password=alice.password)

    session = carol.logs_in()

    assert session.select_folder("INBOX")
    carol.leaves()
