"""What a conversion needs of Dovecot; tests have stand-ins."""

from collections.abc import Sequence
from typing import Protocol

from chatmaild.address import Address
from chatmaild.store.mail.formats import Format


class Copies(Protocol):
    """Writes copies of mailboxes: `dovecot.Doveadm`."""

    def copy(self, accounts: Sequence[str], wanted: Format) -> None:
        """Write or renew `converting` of accounts that are in use."""

    def copy_rest(self, account: str, wanted: Format, *, within_s: float) -> None:
        """Renew `converting` of an account; it is on disk then."""


class Sessions(Protocol):
    """Ends the sessions of accounts that have some."""

    def end_of(self, address: Address) -> None:
        """Return after those of one account have ended."""
