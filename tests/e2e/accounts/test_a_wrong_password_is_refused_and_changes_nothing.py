"""A wrong password is refused and leaves the address as it was."""

from __future__ import annotations

import aiosmtplib
import pytest
from chatmail_testkit.mail import sessions
from chatmail_testkit.people.names import new_password
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Target
from imapclient.exceptions import LoginError


def test_imap_refuses_it(alice: Person) -> None:
    """The first password still works after a wrong attempt."""
    with pytest.raises(LoginError, match="AUTHENTICATIONFAILED"):
        alice.logs_in(password=new_password())

    assert alice.logs_in().select_folder("INBOX")


def test_smtp_refuses_it(alice: Person, target: Target) -> None:
    """The reply is 535, which clients show as a wrong password."""
    wrong = new_password()
    with (
        pytest.raises(aiosmtplib.SMTPAuthenticationError) as refused,
        sessions.submission(target, alice.domain, alice.address, wrong),
    ):
        pass

    assert refused.value.code == 535
    assert alice.smtp.noop().code == 250


def test_two_addresses_may_have_the_same_password(alice: Person, bob: Person) -> None:
    """Equal passwords are independent of each other."""
    bob.leaves()
    carol = Person(target=alice.target, domain=alice.domain, password=alice.password)

    session = carol.logs_in()

    assert session.select_folder("INBOX")
    carol.leaves()
