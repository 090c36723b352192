"""The flag file `nearly-full` of a mailbox, updated after each delivery.

The filter checks the flag with one stat. It is a hint: only Dovecot knows whether a message fits
(filter/rules.py), so an outdated flag refuses no mail.
"""

import contextlib
from pathlib import Path
from typing import Final

from chatmaild.address import Address
from chatmaild.settings import Retention
from chatmaild.store.mailboxes import Mailboxes

NEARLY_FULL: Final = "nearly-full"
# Dovecot's quota count: a line with the limit, then a line "BYTES MESSAGES" per change.
# Dovecot counts again if the file is missing.
QUOTA_FILE: Final = "maildirsize"


class Fullness:
    """Tells which mailboxes are nearly full: above the percentage at which old mail is deleted.

    A mailbox stays above it only if nearly all of its mail is of the last day.
    """

    def __init__(self, mailboxes: Mailboxes, retention: Retention) -> None:
        self._mailboxes = mailboxes
        quota_bytes = retention.quota_megabytes << 20
        self._limit_bytes = quota_bytes * retention.quota_warn_percent // 100
        self._limit_messages = retention.max_messages * retention.quota_warn_percent // 100

    def exists(self, address: Address) -> bool:
        """Whether the account exists."""
        return self._mailboxes.exists(address)

    def is_nearly_full(self, address: Address) -> bool:
        """Whether the mailbox has the flag: it may be full."""
        return self._mailboxes.has(address, NEARLY_FULL)

    def note(self, address: Address) -> None:
        """Set or remove the flag by Dovecot's quota count; without a count it stays.

        Errors are ignored (deleted account, full disk): a missing flag only costs a bounce.
        """
        with contextlib.suppress(OSError, ValueError):
            path = str(self._mailboxes.path(address))
            size_bytes, messages = usage(path)
            is_full = size_bytes >= self._limit_bytes or messages >= self._limit_messages
            if is_full == self.is_nearly_full(address):
                return
            flag = Path(path, NEARLY_FULL)
            if is_full:
                flag.touch(mode=0o600)
            else:
                flag.unlink(missing_ok=True)


def usage(mailbox: str) -> tuple[int, int]:
    """The bytes and messages of a mailbox, by Dovecot's quota count.

    Raises:
        OSError: there is no count.
        ValueError: the file is malformed.
    """
    with open(f"{mailbox}/{QUOTA_FILE}", "rb") as file:  # noqa: PTH123 - faster, for every delivery
        _limit, *numbers = file.read().split()
    return sum(map(int, numbers[::2])), sum(map(int, numbers[1::2]))
