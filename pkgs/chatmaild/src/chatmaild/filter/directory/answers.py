"""The directory's answers for one message."""

from __future__ import annotations

from collections.abc import Iterable

from chatmaild.address import Address
from chatmaild.errors import DirectoryError
from chatmaild.filter.directory.client import Directory, Facts


class Answers:
    """What the directory says of addresses, asked once for each: for one message.

    Methods that find no answer ask, and wait for it: call `ask` for many at once.
    """

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._known: dict[Address, Facts] = {}

    def of_message(self) -> Answers:
        """The answers for the next message, none yet."""
        return Answers(self._directory)

    def know(self, addresses: Iterable[Address]) -> bool:
        """Whether all addresses have been asked for."""
        return all(address.account in self._known for address in addresses)

    def ask(self, addresses: Iterable[Address]) -> None:
        """Ask for addresses that have not been asked for, the first ones first.

        Raises:
            DirectoryError: the directory gives no clear answer.
        """
        accounts = (address.account for address in addresses)
        self._known |= self._directory.facts(a for a in accounts if a not in self._known)

    def is_in_doubt(self, address: Address) -> bool:
        """Whether the store of the account does not answer: nothing else is known of it."""
        return self._of(address).is_in_doubt

    def exists(self, address: Address) -> bool:
        """Whether the account exists; True in doubt."""
        return self._of(address).exists

    def is_disabled(self, address: Address) -> bool:
        """Whether the operator disabled the account; False if it does not exist, or in doubt."""
        return self._of(address).is_disabled

    def accepts_clear_text(self, address: Address) -> bool:
        """Whether the account exists and the operator removed its `enforceE2EEincoming`."""
        facts = self._of(address)
        return facts.exists and not facts.enforces_encryption

    def is_nearly_full(self, address: Address) -> bool:
        """Whether the mailbox may be full."""
        return self._of(address).is_nearly_full

    def has_room(self, address: Address, size_bytes: int) -> bool:
        """Whether the mailbox has room for a message of that size, True in doubt; always asks."""
        try:
            return self._directory.has_room(address.account, size_bytes)
        except DirectoryError:
            return True

    def _of(self, address: Address) -> Facts:
        account = address.account
        if account not in self._known:
            self.ask((account,))
        return self._known[account]
