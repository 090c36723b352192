"""Pending push notifications on disk: one file each, so that a crash loses none.

A file has three lines: address, start in Unix seconds, token. It is written as `.tmp` and renamed,
without fsync: a power failure may lose a notification, but no message.
"""

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chatmaild.address import Address, parse_address

DIRECTORY: Final = "pending_notifications"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A notification that is not delivered yet; `start_s` is in Unix seconds."""

    name: str
    address: Address
    token: str
    start_s: int


class DiskQueue:
    """The directory of pending notifications."""

    def __init__(self, parent: str | Path) -> None:
        self._directory = Path(parent) / DIRECTORY

    def add(self, address: Address, token: str, *, now_s: float) -> Pending:
        """Store a notification.

        Raises:
            OSError: the disk is full or the directory not writable.
        """
        name = secrets.token_hex(16)
        pending = Pending(name=name, address=address, token=token, start_s=int(now_s))
        self._write(pending)
        return pending

    def renew(self, pending: Pending, *, now_s: float) -> Pending:
        """Restart the retries of a notification, for a newer message."""
        renewed = Pending(
            name=pending.name, address=pending.address, token=pending.token, start_s=int(now_s)
        )
        self._write(renewed)
        return renewed

    def remove(self, pending: Pending) -> None:
        """Delete a notification."""
        (self._directory / pending.name).unlink(missing_ok=True)

    def load(self) -> list[Pending]:
        """All stored notifications, oldest first; deletes unreadable and incomplete files."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = []
        for path in self._directory.iterdir():
            if pending := _read(path):
                found.append(pending)
            else:
                path.unlink(missing_ok=True)
        return sorted(found, key=lambda pending: pending.start_s)

    def _write(self, pending: Pending) -> None:
        path = self._directory / pending.name
        temporary = path.with_suffix(".tmp")
        temporary.write_text(f"{pending.address}\n{pending.start_s}\n{pending.token}")
        temporary.rename(path)


def _read(path: Path) -> Pending | None:
    if path.suffix == ".tmp":
        return None
    try:
        address, start_s, token = path.read_text("ascii").split("\n")
        return Pending(
            name=path.name, address=parse_address(address), token=token, start_s=int(start_s)
        )
    except (OSError, ValueError):
        return None


def retry_delay_s(level: int) -> int:
    """Seconds before retry `level`: 8, 64, 512, 4096."""
    return int(8**level)


def gives_up(start_s: float, run_s: float, give_up_after_s: int) -> bool:
    """Whether an attempt at `run_s` would be too late."""
    return run_s > start_s + give_up_after_s


def levels(give_up_after_s: int) -> int:
    """Number of attempts: the first, and one per retry delay that fits; 5 for five hours."""
    count = 1
    while retry_delay_s(count) <= give_up_after_s:
        count += 1
    return count
