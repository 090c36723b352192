"""Another mail server, played by the suite: it holds a DKIM key and speaks at port 25."""

from __future__ import annotations

import smtplib
from collections.abc import Sequence
from dataclasses import dataclass

from support import messages, smtp
from support.person import Person, addresses
from support.smtp import Reply
from support.target import Machine, Target

SELECTOR = "chatmail"
KEY_FILE = "/var/lib/chatmail/dkim/{selector}.private"


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Writes to relays as `domain` would."""

    target: Target
    domain: str
    private_key: bytes

    def signs(self, message: bytes, domain: str | None = None) -> bytes:
        """Returns `message` with a signature by the key of `domain`, the own one if None."""
        return messages.signed(message, domain or self.domain, SELECTOR, self.private_key)

    def delivers(
        self,
        message: bytes,
        *recipients: Person | str,
        mail_from: str,
        starttls: bool = True,
        client: str = "",
    ) -> Reply:
        """Gives a message to the relay of the first recipient and returns its answer.

        `client` is the IP address of this machine to come from.
        """
        to: Sequence[str] = addresses(recipients)
        relay = to[0].rpartition("@")[2].lower()
        try:
            with smtp.port_25(self.target, relay, starttls=starttls, client=client) as session:
                return smtp.transaction(session, mail_from, to, message)
        except smtplib.SMTPResponseException as refused:  # at the greeting, HELO or STARTTLS
            return Reply(refused.smtp_code, str(refused.smtp_error))


def peer_with_key_of(target: Target, domain: str, machine: Machine) -> Peer:
    """Returns a server that can sign as a relay of the target."""
    key = machine.run("cat", KEY_FILE.format(selector=SELECTOR))
    return Peer(target=target, domain=domain, private_key=key.encode())
