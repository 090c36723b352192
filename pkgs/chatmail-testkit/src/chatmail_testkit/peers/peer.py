"""Another mail server: it signs with a DKIM key and delivers at port 25."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import aiosmtplib

from chatmail_testkit.mail import messages, sessions
from chatmail_testkit.mail.reply import Reply, transaction
from chatmail_testkit.people.person import Person, addresses
from chatmail_testkit.relays.registration import SETTINGS
from chatmail_testkit.relays.target import Machine, Target

KEY_FILE = "/var/lib/chatmail/dkim/{selector}.private"


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Delivers to relays as the mail server of `domain`."""

    target: Target
    domain: str
    private_key: bytes
    selector: str

    def signs(self, message: bytes, domain: str | None = None) -> bytes:
        """Returns `message` with a DKIM signature of `domain`, by default of its own."""
        return messages.signed(message, domain or self.domain, self.selector, self.private_key)

    def delivers(
        self,
        message: bytes,
        *recipients: Person | str,
        mail_from: str,
        starttls: bool = True,
        client: str = "",
    ) -> Reply:
        """Delivers a message to the relay of the first recipient and returns the reply.

        `client` is the local IP address to connect from.
        """
        to: Sequence[str] = addresses(recipients)
        relay = to[0].rpartition("@")[2].lower()
        try:
            with sessions.port_25(self.target, relay, starttls=starttls, client=client) as session:
                return transaction(session, mail_from, to, message)
        except aiosmtplib.SMTPResponseException as refused:  # at the greeting, HELO or STARTTLS
            return Reply(refused.code, refused.message)


def peer_with_key_of(target: Target, domain: str, machine: Machine) -> Peer:
    """Returns a server that has the DKIM key of a relay of the target."""
    selector, key = dkim_key(machine.fronts[0])
    return Peer(target=target, domain=domain, private_key=key.encode(), selector=selector)


def dkim_key(front: Machine) -> tuple[str, str]:
    """Returns the selector with which a front of a relay signs, and its key as PEM text."""
    selector: str = json.loads(front.run("cat", SETTINGS))["dkim"]["selector"]
    return selector, front.run("cat", KEY_FILE.format(selector=selector))
