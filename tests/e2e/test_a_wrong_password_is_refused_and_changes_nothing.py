"""Whoever knows an address but not its password gets nothing, and breaks nothing."""

from __future__ import annotations

import smtplib

import pytest
from imapclient.exceptions import LoginError
from support import smtp
from support.person import Person
from support.target import Target, new_password


def test_imap(alice: Person) -> None:
    """The first password goes on working after a wrong one was tried."""
    with pytest.raises(LoginError, match="AUTHENTICATIONFAILED"):
        alice.logs_in(password=new_password())

    assert alice.logs_in().select_folder("INBOX")


def test_smtp(alice: Person, target: Target) -> None:
    """SMTP refuses with 535, which clients show as a wrong password."""
    wrong = new_password()
    with (
        pytest.raises(smtplib.SMTPAuthenticationError) as refused,
        smtp.submission(target, alice.domain, alice.address, wrong),
    ):
        pass

    assert refused.value.smtp_code == 535
    assert alice.smtp.noop()[0] == 250


def test_two_people_with_the_same_password(alice: Person, bob: Person) -> None:
    """Equal passwords are nobody's business."""
    bob.leaves()
    carol = Person(target=alice.target, domain=alice.domain, password=alice.password)

    session = carol.logs_in()

    assert session.select_folder("INBOX")
    carol.leaves()
