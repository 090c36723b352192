"""IMAP METADATA (RFC 5464), which imapclient does not know."""

from __future__ import annotations

import imaplib
import re

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError

for _command in ("GETMETADATA", "SETMETADATA"):
    imaplib.Commands.setdefault(_command, ("AUTH", "SELECTED"))

_ENTRY = re.compile(rb'(/[^ ]+) (\{\d+\}|"[^"]*"|NIL)')


def get_metadata(session: IMAPClient, mailbox: str, *names: str) -> dict[str, str | None]:
    """Returns the values of entries; None for one that is answered NIL, no key for one left out.

    Raises:
        AssertionError: the server does not answer OK.
    """
    raw = session._imap
    status, answer = raw.xatom("GETMETADATA", f'"{mailbox}"', f"({' '.join(names)})")
    assert status == "OK", answer
    values: dict[str, str | None] = {}
    for line in raw.response("METADATA")[1] or []:
        head, literal = line if isinstance(line, tuple) else (line or b"", None)
        for name, value in _ENTRY.findall(head):
            if value.startswith(b"{"):
                values[name.decode()] = (literal or b"").decode()
            else:
                values[name.decode()] = None if value == b"NIL" else value.strip(b'"').decode()
    return values


def set_metadata(session: IMAPClient, mailbox: str, name: str, value: str) -> str:
    """Sets an entry and returns the server's status: OK, NO or BAD."""
    raw = session._imap
    try:
        status, _ = raw.xatom("SETMETADATA", f'"{mailbox}"', f'({name} "{value}")')
    except raw.error:
        return "BAD"
    return str(status)


def has_ended(session: IMAPClient) -> bool:
    """Whether the server has closed the session; one in IDLE is woken for the question."""
    try:
        if session._idle_tag is not None:
            session.idle_done()
        session.noop()
    except (IMAPClientError, OSError):
        return True
    return False
