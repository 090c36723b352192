"""The flag file `nearly-full` of a mailbox, set when Dovecot's quota warns (expire/job.py).

The filter checks the flag with one stat. It is a hint: only Dovecot knows whether a message fits
(filter/rules.py), so an outdated flag refuses no mail.
"""

import contextlib
from pathlib import Path
from typing import Final

from chatmaild.address import Address
from chatmaild.store.mailboxes import Mailboxes

NEARLY_FULL: Final = "nearly-full"


class Fullness:
    """Tells which mailboxes are nearly full: above the percentage at which old mail is deleted.

    A mailbox stays above it only if nearly all of its mail is of the last day.
    """

    def __init__(self, mailboxes: Mailboxes) -> None:
        self._mailboxes = mailboxes

    def exists(self, address: Address) -> bool:
        """Whether the account exists."""
        return self._mailboxes.exists(address)

    def is_nearly_full(self, address: Address) -> bool:
        """Whether the mailbox has the flag: it may be full."""
        return self._mailboxes.has(address, NEARLY_FULL)

    def suspect(self, address: Address) -> None:
        """Set the flag after a delivery that failed, because the quota may be the reason.

        Errors are ignored (no such account, full disk): a missing flag only costs a bounce.
        """
        with contextlib.suppress(OSError):
            set_nearly_full(str(self._mailboxes.path(address)), True)


def set_nearly_full(mailbox: str, is_nearly_full: bool) -> None:
    """Set or remove the flag of a mailbox.

    Raises:
        OSError: the mailbox does not exist, or the disk is full.
    """
    flag = Path(mailbox, NEARLY_FULL)
    if is_nearly_full:
        flag.touch(mode=0o600)
    else:
        flag.unlink(missing_ok=True)
