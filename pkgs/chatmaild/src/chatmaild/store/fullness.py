"""Which mailboxes are nearly full: a marker file, kept up after each delivery.

The filter looks for the marker with one stat. The marker is a hint: only Dovecot knows whether a
message fits (filter/rules.py), so a marker that is too old refuses nothing.
"""

import contextlib
from pathlib import Path

from chatmaild.address import Address
from chatmaild.settings import Retention
from chatmaild.store.mailboxes import Mailboxes

NEARLY_FULL = "nearly-full"
# Dovecot's count of the quota: a line with the limit, then one line per change, "BYTES MESSAGES";
# Dovecot counts anew when the file is gone
QUOTA_FILE = "maildirsize"


class Fullness:
    """Knows which mailboxes are beyond the limit of the clean-up.

    A mailbox stays there only where nearly all of its mail is of the last day.
    """

    def __init__(self, mailboxes: Mailboxes, retention: Retention) -> None:
        self._mailboxes = mailboxes
        quota_bytes = retention.quota_megabytes << 20
        self._limit_bytes = quota_bytes * retention.quota_warn_percent // 100

    def exists(self, address: Address) -> bool:
        """Whether the address was made and not deleted."""
        return self._mailboxes.exists(address)

    def is_nearly_full(self, address: Address) -> bool:
        """Whether the mailbox may be full."""
        return self._mailboxes.has(address, NEARLY_FULL)

    def note(self, address: Address) -> None:
        """Set or remove the marker by what Dovecot counted; without a count it stays.

        The address may be deleted meanwhile, the disk full: a hint that is missing costs a bounce.
        """
        with contextlib.suppress(OSError, ValueError):
            path = str(self._mailboxes.path(address))
            is_full = used_bytes(path) >= self._limit_bytes
            if is_full == self.is_nearly_full(address):
                return
            marker = Path(path, NEARLY_FULL)
            if is_full:
                marker.touch(mode=0o600)
            else:
                marker.unlink(missing_ok=True)


def used_bytes(mailbox: str) -> int:
    """What Dovecot counted in a mailbox.

    Raises:
        OSError: there is no count.
        ValueError: the file holds something else.
    """
    with open(f"{mailbox}/{QUOTA_FILE}", "rb") as file:  # noqa: PTH123 - for every delivery
        _limit, *numbers = file.read().split()
    return sum(map(int, numbers[::2]))
