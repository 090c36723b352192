"""A new address must follow the rules for names and passwords; other first logins are refused."""

from __future__ import annotations

import aiosmtplib
import pytest
from chatmail_testkit.mail import sessions
from chatmail_testkit.mail.sessions import imap_session
from chatmail_testkit.people.names import new_name, new_password
from chatmail_testkit.relays.target import Target
from imapclient.exceptions import LoginError

REFUSED = {
    "name too short": ("{name:.8}@{domain}", "{password}"),
    "name too long": ("{name}x@{domain}", "{password}"),
    "name of odd characters": ("{name:.8}+@{domain}", "{password}"),
    "slash in the name": ("{name:.8}/@{domain}", "{password}"),
    "way out of the directory": ("../{name:.6}@{domain}", "{password}"),
    "two @": ("{name:.4}@{name:.4}@{domain}", "{password}"),
    "no @": ("{name}", "{password}"),
    "other domain": ("{name}@example.org", "{password}"),
    "subdomain": ("{name}@sub.{domain}", "{password}"),
    "short password": ("{name}@{domain}", "{password:.8}"),
    "empty password": ("{name}@{domain}", ""),
}


@pytest.mark.parametrize("case", REFUSED)
def test_invalid_credentials_are_refused(case: str, target: Target, relay: str) -> None:
    """IMAP and SMTP both refuse."""
    facts = {"name": "x" + new_name()[1:], "domain": relay, "password": new_password()}
    address, password = (template.format(**facts) for template in REFUSED[case])

    session = imap_session(target, relay)
    with pytest.raises(LoginError):
        session.login(address, password)
    session.shutdown()
    with (
        pytest.raises(aiosmtplib.SMTPAuthenticationError) as refused,
        sessions.submission(target, relay, address, password),
    ):
        pass

    assert refused.value.code == 535


def test_the_shortest_password_is_accepted(target: Target, relay: str) -> None:
    """Nine characters are enough."""
    session = imap_session(target, relay)

    session.login(f"{new_name()}@{relay}", new_password()[:9])

    assert session.select_folder("INBOX")
    session.logout()
