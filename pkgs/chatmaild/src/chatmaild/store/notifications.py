"""Notifications that wait, on disk: one file each, so that a crash loses none.

A file has three lines: address, start in unix seconds, token. It is written as `.tmp` and renamed.
There is no fsync: what a power failure takes is the waking, not the message.
"""

import secrets
from dataclasses import dataclass
from pathlib import Path

from chatmaild.address import Address, parse_address

DIRECTORY = "pending_notifications"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A notification that was not delivered yet."""

    name: str
    address: Address
    token: str
    start_s: int


class DiskQueue:
    """The directory of pending notifications."""

    def __init__(self, parent: str | Path) -> None:
        self._directory = Path(parent) / DIRECTORY

    def add(self, address: Address, token: str, *, now_s: float) -> Pending:
        """Put a notification on disk.

        Raises:
            OSError: the disk is full or the directory not writable.
        """
        name = secrets.token_hex(16)
        pending = Pending(name=name, address=address, token=token, start_s=int(now_s))
        self._write(pending)
        return pending

    def renew(self, pending: Pending, *, now_s: float) -> Pending:
        """The same notification for a newer message: it starts again."""
        renewed = Pending(
            name=pending.name, address=pending.address, token=pending.token, start_s=int(now_s)
        )
        self._write(renewed)
        return renewed

    def remove(self, pending: Pending) -> None:
        """Forget a notification."""
        (self._directory / pending.name).unlink(missing_ok=True)

    def load(self) -> list[Pending]:
        """All notifications on disk, oldest first; unreadable and half-written files go away."""
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
    """Whether an attempt at `run_s` would come too late to be of use."""
    return run_s > start_s + give_up_after_s


def levels(give_up_after_s: int) -> int:
    """How often is tried: once, and once for each power of 8 that fits; 5 for five hours."""
    count = 1
    while retry_delay_s(count) <= give_up_after_s:
        count += 1
    return count
