"""People who write to each other: an address, a key, and sessions that open when needed."""

from __future__ import annotations

import contextlib
import email
import email.message
import smtplib
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError, ProtocolError

from support import messages, openpgp, smtp
from support.smtp import Reply
from support.target import Target, new_name, new_password

TIMEOUT_S = 20.0
# imaplib does not see a notice that comes in one piece with the answer to IDLE
LOOK_AGAIN_S = 0.5


class RefusedError(AssertionError):
    """A message that a scenario expects to pass was refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message as its recipient finds it."""

    raw: bytes
    key: X25519PrivateKey

    @property
    def headers(self) -> email.message.Message:
        """The parsed message."""
        return email.message_from_bytes(self.raw)

    @property
    def text(self) -> str:
        """The decrypted text.

        Raises:
            ValueError: it is not encrypted to the recipient's key.
        """
        return openpgp.decrypt(openpgp.unarmor(self.raw), self.key).decode()


@dataclass(kw_only=True)
class Person:
    """Somebody with an address at one of the target's relays."""

    target: Target
    domain: str
    name: str = field(default_factory=new_name)
    password: str = field(default_factory=new_password)
    key: X25519PrivateKey = field(default_factory=X25519PrivateKey.generate)
    last_uid: int = 0
    _imap: IMAPClient | None = None
    _smtp: smtplib.SMTP | None = None
    _sessions: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    @property
    def address(self) -> str:
        """The full address."""
        return f"{self.name}@{self.domain}"

    def logs_in(self, password: str | None = None) -> IMAPClient:
        """Returns a new IMAP session; the first login makes the address.

        Raises:
            imapclient.exceptions.LoginError: it was refused.
        """
        session = imap_session(self.target, self.domain)
        self._sessions.callback(_end, session)
        session.login(self.address, password or self.password)
        return session

    @property
    def imap(self) -> IMAPClient:
        """A session that stays open, INBOX selected."""
        if self._imap is None:
            self._imap = self.logs_in()
            self._imap.select_folder("INBOX")
        return self._imap

    @property
    def smtp(self) -> smtplib.SMTP:
        """A session on port 465 that stays open."""
        if self._smtp is None:
            self._smtp = self._sessions.enter_context(
                smtp.submission(self.target, self.domain, self.address, self.password)
            )
        return self._smtp

    def writes(
        self,
        *recipients: Person | str,
        text: str = "hello",
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """Returns an encrypted message that every recipient with a key can read."""
        people = [person for person in recipients if isinstance(person, Person)]
        keys = [person.key.public_key() for person in (self, *people)]
        armored = openpgp.armor(openpgp.encrypt(text.encode(), keys))
        return messages.encrypted(self.address, addresses(recipients), armored, headers)

    def submits(
        self, message: bytes, *recipients: Person | str, mail_from: str | None = None
    ) -> Reply:
        """Gives a message to the own relay and returns its answer."""
        sender = self.address if mail_from is None else mail_from
        return smtp.transaction(self.smtp, sender, addresses(recipients), message)

    def sends(
        self,
        *recipients: Person | str,
        text: str = "hello",
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """Sends an encrypted message and returns it as it was submitted.

        Raises:
            RefusedError: the relay does not take it.
        """
        message = self.writes(*recipients, text=text, headers=headers)
        reply = self.submits(message, *recipients)
        if reply.code != 250:
            raise RefusedError(f"{reply.code} {reply.text}")
        return message

    def receives(self, within_s: float = 10) -> Letter:
        """Waits, in IDLE, for the next message that was not received yet.

        Raises:
            TimeoutError: none came.
        """
        deadline_s = time.monotonic() + within_s
        while True:
            uids = [
                uid for uid in self.imap.search(f"UID {self.last_uid + 1}:*") if uid > self.last_uid
            ]
            if uids:
                self.last_uid = min(uids)
                return self._fetch([self.last_uid])[0]
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                raise TimeoutError(f"no message within {within_s} s")
            self.imap.idle()
            try:
                self.notices(within_s=min(left_s, LOOK_AGAIN_S))
            finally:
                self.imap.idle_done()

    def notices(self, within_s: float) -> list[Any]:
        """Waits for what the relay tells the session, which is in IDLE.

        Dovecot may send a line in two pieces (`* 1 FETCH (FLAGS (\\Recent)` and `)`). imaplib
        loses the first one, and imapclient does not like the second.
        """
        with contextlib.suppress(ProtocolError):
            return list(self.imap.idle_check(timeout=within_s))
        return []

    def inbox(self) -> list[Letter]:
        """Returns every message in INBOX."""
        self.imap.noop()
        return self._fetch(self.imap.search("ALL"))

    def leaves(self) -> None:
        """Ends all sessions; the next use opens new ones."""
        self._imap = self._smtp = None
        self._sessions.close()

    def _fetch(self, uids: Sequence[int]) -> list[Letter]:
        if not uids:
            return []
        found = self.imap.fetch(uids, ["BODY.PEEK[]"])
        return [Letter(raw=found[uid][b"BODY[]"], key=self.key) for uid in sorted(found)]


def imap_session(target: Target, domain: str) -> IMAPClient:
    """Returns a session on port 993, not logged in."""
    return IMAPClient(target.host(domain), 993, ssl_context=target.tls(), timeout=TIMEOUT_S)


def addresses(recipients: Sequence[Person | str]) -> list[str]:
    """Returns the addresses of people, and strings as they are."""
    return [who.address if isinstance(who, Person) else who for who in recipients]


def _end(session: IMAPClient) -> None:
    with contextlib.suppress(IMAPClientError, OSError, ssl.SSLError):
        session.logout()
    with contextlib.suppress(IMAPClientError, OSError):
        session.shutdown()
