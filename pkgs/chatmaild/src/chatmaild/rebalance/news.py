"""Which phones to wake after a move: those that were about to be notified, or might not have been.

The notifications of a store stay where they are, and are tried as long as there. The other store
tries as well: the old one may be switched off when all accounts have left.
"""

import json
import os
import time
from pathlib import Path
from typing import Final

from chatmaild.accounts.push.events import MOVED
from chatmaild.address import Address
from chatmaild.store.mail import scan
from chatmaild.store.notifications import DIRECTORY

# chatmail-accounts hears of a delivery within 20 ms; a busy machine takes longer
_RECENT_S: Final = 60.0
_MODE: Final = 0o660


class Pending:
    """The accounts with a notification that is not delivered, read from their files."""

    def __init__(self, accounts: str | Path) -> None:
        self._directory = Path(accounts) / DIRECTORY
        # the address of each file that was read before
        self._known: dict[str, str] = {}

    def has(self, address: Address) -> bool:
        """Whether a notification waits for an account."""
        try:
            names = set(os.listdir(self._directory))  # noqa: PTH208 - only names are needed
        except FileNotFoundError:
            return False
        known = {name: text for name, text in self._known.items() if name in names}
        for name in names - known.keys():
            try:
                with open(self._directory / name, encoding="ascii") as file:  # noqa: PTH123
                    known[name] = file.readline().strip()
            except (OSError, ValueError):
                continue
        self._known = known
        return str(address.account) in known.values()


def is_recent(home: Path) -> bool:
    """Whether a message arrived a moment ago."""
    since_s = time.time() - _RECENT_S
    return any(message.time_s > since_s for message in scan(str(home)))


def tell(deliveries: str | Path, address: Address) -> None:
    """Have chatmail-accounts notify an account that has come.

    Raises:
        OSError: the file of deliveries cannot be written.
    """
    event = {"event": MOVED, "fields": {"user": str(address.account)}}
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(deliveries, flags, _MODE)
    try:
        # as Dovecot writes its own: one line, at once, without blanks
        os.write(descriptor, json.dumps(event, separators=(",", ":")).encode() + b"\n")
    finally:
        os.close(descriptor)
