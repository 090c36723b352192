"""SMTP and IMAP sessions with a relay of a target, as clients and other servers open them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from chatmail_testkit.mail.imap import Imap
from chatmail_testkit.mail.smtp import Smtp
from chatmail_testkit.relays.target import Target

SUBMISSIONS, SUBMISSION, SMTP = 465, 587, 25


@contextlib.contextmanager
def submission(target: Target, domain: str, address: str, password: str) -> Iterator[Smtp]:
    """Gives a session on port 465, logged in.

    Raises:
        aiosmtplib.SMTPAuthenticationError: address or password are refused.
    """
    with stranger(target, domain) as session:
        session.login(address, password)
        yield session


@contextlib.contextmanager
def stranger(target: Target, domain: str) -> Iterator[Smtp]:
    """Gives a session on port 465, not logged in."""
    with Smtp(target.host(domain), SUBMISSIONS, tls=target.tls()) as session:
        session.ehlo()
        yield session


@contextlib.contextmanager
def port_587(target: Target, domain: str) -> Iterator[Smtp]:
    """Gives a session on port 587, before STARTTLS and login."""
    with Smtp(target.host(domain), SUBMISSION) as session:
        session.ehlo()
        yield session


@contextlib.contextmanager
def port_25(
    target: Target, domain: str, *, starttls: bool = True, client: str = ""
) -> Iterator[Smtp]:
    """Gives a session like another mail server's; `client` is an IP address of this machine."""
    with Smtp(target.host(domain), SMTP, source=client) as session:
        session.ehlo()
        if starttls:
            session.starttls(target.tls())
        yield session


def imap_session(target: Target, domain: str) -> Imap:
    """Returns a session on port 993, not logged in."""
    return Imap(target.host(domain), target.tls())
