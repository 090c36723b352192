"""Reachability of recipients: the disk answers, Dovecot only for mailboxes that are nearly full."""

from __future__ import annotations

from typing import Protocol

from chatmaild.address import Address
from chatmaild.filter.envelope import Mailbox
from chatmaild.filter.rules import Reachability


class Addresses(Protocol):
    """The addresses of this relay, as the disk knows them (`store.fullness.Fullness`)."""

    def exists(self, address: Address) -> bool: ...
    def is_nearly_full(self, address: Address) -> bool: ...


class Room(Protocol):
    """The free space of their mailboxes (`store.mail.room.Room`)."""

    def has_room(self, address: Address, size_bytes: int) -> bool: ...


class RecipientLookup:
    """Looks up mailboxes, and their free space."""

    def __init__(self, addresses: Addresses, room: Room) -> None:
        self._addresses = addresses
        self._room = room

    def reachability(self, mailbox: Mailbox) -> Reachability:
        """The reachability of a mailbox, without its free space.

        Raises:
            OSError: the mailbox directory cannot be read.
        """
        if not isinstance(mailbox, Address):
            return Reachability.REACHABLE
        if not self._addresses.exists(mailbox):
            return Reachability.UNKNOWN
        is_nearly_full = self._addresses.is_nearly_full(mailbox)
        return Reachability.NEARLY_FULL if is_nearly_full else Reachability.REACHABLE

    def has_room(self, mailbox: Mailbox, size_bytes: int) -> bool:
        """Whether a mailbox has room for a message of that size."""
        return not isinstance(mailbox, Address) or self._room.has_room(mailbox, size_bytes)
