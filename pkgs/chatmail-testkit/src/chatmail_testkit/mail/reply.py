"""SMTP replies as values, and a transaction that stops at the first refusal."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import NamedTuple, Protocol

OK = 250


class Reply(NamedTuple):
    """An SMTP reply: its code, and its text with line breaks as spaces."""

    code: int
    text: str


class Session(Protocol):
    """What a transaction needs of an SMTP client."""

    def command(self, line: str) -> Reply:
        """Sends a command and returns the reply."""

    def data(self, message: bytes) -> Reply:
        """Sends DATA and the message, and returns the last reply."""


def transaction(
    session: Session, mail_from: str, recipients: Sequence[str], message: bytes
) -> Reply:
    """Returns the first reply that refuses the message, or the last that accepts it.

    Raises:
        OSError: the connection ended before the reply.
    """
    reply = session.command(f"MAIL FROM:<{mail_from}>")
    for recipient in recipients:
        if reply.code == OK:
            reply = session.command(f"RCPT TO:<{recipient}>")
    if reply.code == OK:
        return session.data(message)
    with contextlib.suppress(OSError):
        session.command("RSET")
    return reply
