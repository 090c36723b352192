"""The lab's classic mail server: Postfix, Dovecot and OpenDKIM with common settings."""

from __future__ import annotations

from dataclasses import dataclass

from chatmail_testkit.people.names import new_name
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Machine, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Classic:
    """A classic mail server and its administrator."""

    target: Target
    domain: str
    machine: Machine

    def mailbox(self) -> Person:
        """Creates a mailbox and returns its owner."""
        person = Person(target=self.target, domain=self.domain)
        self.machine.run("mailuser", person.name, person.password)
        return person

    def forwarder(self, destination: str) -> str:
        """Creates an address that forwards to another one, and returns it."""
        name = new_name()
        self.machine.run("mailforward", name, destination)
        return f"{name}@{self.domain}"

    def sends_on(self, message: bytes, sender: str, recipient: str) -> None:
        """Sends a message with `sender` in its envelope, like mailing lists do."""
        self.machine.run("sendmail", "-i", "-f", sender, recipient, stdin=message)
