"""imapclient with IMAP METADATA (RFC 5464), and with an IDLE that loses no line."""

from __future__ import annotations

import contextlib
import imaplib
import re
import select
import ssl
import time
from typing import Any

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError
from imapclient.imapclient import _parse_untagged_response

from chatmail_testkit.traces.ledger import record, record_login
from chatmail_testkit.waiting import ANSWER_S

PORT = 993
DEVICE_TOKEN = "/private/devicetoken"
# what `_parse_untagged_response` makes of `* OK Still here` (imap_idle_notify_interval)
_STILL_HERE = (b"OK", b"Still here")
_ENTRY = re.compile(rb'(/[^ ]+) (\{\d+\}|"[^"]*"|NIL)')

for _command in ("GETMETADATA", "SETMETADATA"):
    imaplib.Commands.setdefault(_command, ("AUTH", "SELECTED"))


class Imap(IMAPClient):  # type: ignore[misc]  # imapclient has no types
    """A session on port 993, not logged in."""

    def __init__(self, host: str, tls: ssl.SSLContext, *, timeout_s: float = ANSWER_S) -> None:
        super().__init__(host, PORT, ssl_context=tls, timeout=timeout_s)

    def login(self, username: str, password: str) -> bytes:
        """Logs in.

        Raises:
            imapclient.exceptions.LoginError: it was refused.
        """
        record_login(username, password)
        answer: bytes = super().login(username, password)
        return answer

    def get_metadata(self, mailbox: str, *names: str) -> dict[str, str | None]:
        """Returns the values of entries; None for NIL, no key for an entry without an answer.

        Raises:
            AssertionError: the server does not answer OK.
        """
        status, answer = self._imap.xatom("GETMETADATA", f'"{mailbox}"', f"({' '.join(names)})")
        assert status == "OK", answer
        values: dict[str, str | None] = {}
        for line in self._imap.response("METADATA")[1] or []:
            head, literal = line if isinstance(line, tuple) else (line or b"", None)
            for name, value in _ENTRY.findall(head):
                if value.startswith(b"{"):
                    values[name.decode()] = (literal or b"").decode()
                else:
                    values[name.decode()] = None if value == b"NIL" else value.strip(b'"').decode()
        return values

    def set_metadata(self, mailbox: str, name: str, value: str) -> str:
        """Sets an entry and returns the server's status: OK, NO or BAD."""
        if name == DEVICE_TOKEN:
            record("device token", value)
        try:
            status, _ = self._imap.xatom("SETMETADATA", f'"{mailbox}"', f'({name} "{value}")')
        except self._imap.error:
            return "BAD"
        return str(status)

    def notices(self, within_s: float) -> list[Any]:
        """Waits for untagged responses in IDLE, and returns those that have begun to arrive.

        Every two minutes Dovecot says that it is still here: that is no notice.
        Dovecot may send a line in two pieces. imapclient's `idle_check` loses the first one.
        """
        found: list[Any] = []
        deadline_s = time.monotonic() + within_s
        while self._has_input(0 if found else max(0.0, deadline_s - time.monotonic())):
            response = _parse_untagged_response(self._imap._get_line())
            if response != _STILL_HERE:
                found.append(response)
        return found

    def _has_input(self, within_s: float) -> bool:
        """Whether the server has sent something, or closed the connection."""
        session, lines = self.socket(), self._imap.file
        deadline_s = time.monotonic() + within_s
        is_readable = False
        while True:
            session.setblocking(False)
            try:
                if lines.peek(1) or is_readable:  # data, or the end
                    return True
            except ssl.SSLWantReadError:
                pass  # a part of a TLS record
            except OSError:
                return True  # reading tells what happened
            finally:
                session.settimeout(ANSWER_S)
            left_s = max(0.0, deadline_s - time.monotonic())
            is_readable = bool(select.select([session], [], [], left_s)[0])
            if not is_readable:
                return False

    def has_ended(self) -> bool:
        """Whether the server has closed the session; IDLE ends for the question."""
        try:
            if self._idle_tag is not None:
                self.idle_done()
            self.noop()
        except (IMAPClientError, OSError):
            return True
        return False

    def end(self) -> None:
        """Logs out if the server is still there, and closes the connection."""
        with contextlib.suppress(IMAPClientError, OSError):
            self.logout()
        with contextlib.suppress(IMAPClientError, OSError):
            self.shutdown()
