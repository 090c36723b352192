"""The lab's plain mail server: Postfix, Dovecot and OpenDKIM as thousands run them."""

from __future__ import annotations

from dataclasses import dataclass

from support.person import Person
from support.target import Machine, Target, new_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Classic:
    """A classic mail server, and what its administrator does."""

    target: Target
    domain: str
    machine: Machine

    def mailbox(self) -> Person:
        """Makes somebody with a mailbox."""
        person = Person(target=self.target, domain=self.domain)
        self.machine.run("mailuser", person.name, person.password)
        return person

    def forwarder(self, destination: str) -> str:
        """Makes an address whose mail goes on to another one, and returns it."""
        name = new_name()
        self.machine.run("mailforward", name, destination)
        return f"{name}@{self.domain}"

    def sends_on(self, message: bytes, sender: str, recipient: str) -> None:
        """Passes a message on in the name of `sender`, as lists and rewriting forwarders do."""
        self.machine.run("sendmail", "-i", "-f", sender, recipient, stdin=message)
