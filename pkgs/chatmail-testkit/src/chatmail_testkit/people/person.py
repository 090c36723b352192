"""People who write to each other: an address, a key, and sessions that open at first use."""

from __future__ import annotations

import contextlib
import email
import email.message
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from chatmail_testkit.mail import messages, openpgp, sessions
from chatmail_testkit.mail.imap import Imap
from chatmail_testkit.mail.reply import OK, Reply, transaction
from chatmail_testkit.mail.smtp import Smtp
from chatmail_testkit.people.names import new_name, new_password
from chatmail_testkit.relays.target import Target
from chatmail_testkit.traces.ledger import record
from chatmail_testkit.waiting import PATIENCE_S

# imaplib misses a notice in the same packet as the answer to IDLE
LOOK_AGAIN_S = 0.5


class RefusedError(AssertionError):
    """The relay refused a message that it should accept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message in its recipient's mailbox."""

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
    """The owner of an address at one of the target's relays."""

    target: Target
    domain: str
    name: str = field(default_factory=new_name)
    password: str = field(default_factory=new_password)
    key: X25519PrivateKey = field(default_factory=X25519PrivateKey.generate)
    last_uid: int = 0
    _imap: Imap | None = None
    _smtp: Smtp | None = None
    _sessions: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    @property
    def address(self) -> str:
        """The full address."""
        record("address", self.name)  # tests may replace the name
        return f"{self.name}@{self.domain}"

    def logs_in(self, password: str | None = None) -> Imap:
        """Returns a new IMAP session; the first login creates the address.

        Raises:
            imapclient.exceptions.LoginError: it was refused.
        """
        session = sessions.imap_session(self.target, self.domain)
        self._sessions.callback(session.end)
        session.login(self.address, password or self.password)
        return session

    @property
    def imap(self) -> Imap:
        """A session that stays open, INBOX selected."""
        if self._imap is None:
            self._imap = self.logs_in()
            self._imap.select_folder("INBOX")
        return self._imap

    @property
    def smtp(self) -> Smtp:
        """A session on port 465 that stays open."""
        if self._smtp is None:
            self._smtp = self._sessions.enter_context(
                sessions.submission(self.target, self.domain, self.address, self.password)
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
        """Submits a message at port 465 and returns the reply."""
        sender = self.address if mail_from is None else mail_from
        return transaction(self.smtp, sender, addresses(recipients), message)

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
        if reply.code != OK:
            raise RefusedError(f"{reply.code} {reply.text}")
        return message

    def receives(self, within_s: float = PATIENCE_S) -> Letter:
        """Waits in IDLE for the next message that no earlier call returned.

        Raises:
            TimeoutError: no message arrived.
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
                self.imap.notices(within_s=min(left_s, LOOK_AGAIN_S))
            finally:
                self.imap.idle_done()

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


def addresses(recipients: Sequence[Person | str]) -> list[str]:
    """Returns the addresses of people, and strings as they are."""
    return [who.address if isinstance(who, Person) else who for who in recipients]
