"""SMTP sessions that keep the answer instead of raising it."""

from __future__ import annotations

import contextlib
import smtplib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from support.target import Target

HELLO = "laptop.example"  # what clients of the suite call themselves; must never be delivered
TIMEOUT_S = 20.0


class Reply(NamedTuple):
    """An SMTP reply: its code, and its text with line breaks as spaces."""

    code: int
    text: str


@contextlib.contextmanager
def submission(target: Target, domain: str, address: str, password: str) -> Iterator[smtplib.SMTP]:
    """Gives a session on port 465, logged in.

    Raises:
        smtplib.SMTPAuthenticationError: address or password are refused.
    """
    with stranger(target, domain) as session:
        session.login(address, password)
        yield session


@contextlib.contextmanager
def stranger(target: Target, domain: str) -> Iterator[smtplib.SMTP]:
    """Gives a session on port 465, not logged in."""
    session = smtplib.SMTP_SSL(
        target.host(domain), 465, HELLO, timeout=TIMEOUT_S, context=target.tls()
    )
    with closing(session):
        session.ehlo()
        yield session


@contextlib.contextmanager
def port_25(
    target: Target, domain: str, *, starttls: bool = True, client: str = ""
) -> Iterator[smtplib.SMTP]:
    """Gives a session as another mail server has it; `client` is an IP address of this machine."""
    session = smtplib.SMTP(
        target.host(domain), 25, HELLO, timeout=TIMEOUT_S, source_address=(client, 0)
    )
    with closing(session):
        if starttls:
            session.starttls(context=target.tls())
            session.ehlo()
        yield session


@contextlib.contextmanager
def closing(session: smtplib.SMTP) -> Iterator[smtplib.SMTP]:
    """Ends the session politely where the server is still there."""
    try:
        yield session
    finally:
        with contextlib.suppress(smtplib.SMTPException, OSError):
            session.quit()
        session.close()


def transaction(
    session: smtplib.SMTP, mail_from: str, recipients: Sequence[str], message: bytes
) -> Reply:
    """Returns the first reply that refuses the message, or the last that accepts it."""
    session.ehlo_or_helo_if_needed()
    reply = _reply(session.docmd("MAIL", f"FROM:<{mail_from}>"))
    for recipient in recipients:
        if reply.code == 250:
            reply = _reply(session.docmd("RCPT", f"TO:<{recipient}>"))
    if reply.code != 250:
        with contextlib.suppress(smtplib.SMTPException, OSError):
            session.rset()
        return reply
    try:
        return _reply(session.data(message))
    except smtplib.SMTPDataError as refused:
        return _reply((refused.smtp_code, refused.smtp_error))


def _reply(answer: tuple[int, bytes | str]) -> Reply:
    code, text = answer
    shown = text.decode(errors="replace") if isinstance(text, bytes) else text
    return Reply(code, " ".join(shown.split()))
