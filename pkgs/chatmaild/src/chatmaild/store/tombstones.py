"""Names of deleted addresses, which nobody else gets for a time; without the names themselves.

    ACCOUNTS/deleted/key           32 random bytes
    ACCOUNTS/deleted/2026-11-29    keyed hashes of the addresses deleted on that day, 16 bytes each

A file is removed as a whole when its day is `deleteInactiveAfterDays` past.
"""

import contextlib
import fcntl
import hashlib
import os
import secrets
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from chatmaild.address import Address
from chatmaild.settings import Settings
from chatmaild.store.files import fsync_directory, write_atomically

DIRECTORY: Final = "deleted"
KEY: Final = "key"
KEY_BYTES: Final = 32
HASH_BYTES: Final = 16


class Tombstones:
    """The deleted addresses of the last days; safe for several processes."""

    def __init__(self, parent: str | Path, days: int) -> None:
        self._directory = Path(parent) / DIRECTORY
        self._days = days
        # what was read of each day's file
        self._read: dict[str, bytes] = {}

    @classmethod
    def of(cls, settings: Settings) -> "Tombstones":
        """The deleted addresses of this relay."""
        return cls(settings.directories.accounts, settings.retention.delete_inactive_after_days)

    def add(self, address: Address, *, now_s: float) -> None:
        """Remember a deleted address.

        Raises:
            OSError: it cannot be stored.
        """
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        data = self._hash(address, self._key(create=True))
        path = self._directory / _day(now_s).isoformat()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            # an interrupted write leaves a part of a hash
            end = os.fstat(descriptor).st_size // HASH_BYTES * HASH_BYTES
            os.pwrite(descriptor, data, end)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        fsync_directory(self._directory)

    def has(self, address: Address, *, now_s: float, since_s: float | None = None) -> bool:
        """Whether an address was deleted so lately that nobody gets it.

        Args:
            since_s: count only deletions of this day or later.

        Raises:
            OSError: a file cannot be read.
        """
        days = self._names()
        if not days:
            return False
        for day in self._read.keys() - set(days):
            del self._read[day]
        wanted = self._hash(address, self._key(create=False))
        oldest = self._oldest(now_s) if since_s is None else _day(since_s).isoformat()
        return any(_contains(self._content(day), wanted) for day in days if day >= oldest)

    def expire(self, *, now_s: float) -> int:
        """Remove the files of days that are past; return how many.

        Raises:
            OSError: a file cannot be removed.
        """
        oldest = self._oldest(now_s)
        expired = [day for day in self._names() if day < oldest]
        for day in expired:
            (self._directory / day).unlink(missing_ok=True)
        return len(expired)

    def _oldest(self, now_s: float) -> str:
        return (_day(now_s) - timedelta(days=self._days)).isoformat()

    def _names(self) -> list[str]:
        try:
            names = os.listdir(self._directory)  # noqa: PTH208 - only names are needed
        except FileNotFoundError:
            return []
        return [name for name in names if _is_day(name)]

    def _content(self, day: str) -> bytes:
        """A day's hashes; the file is read again when it has grown."""
        path = self._directory / day
        known = self._read.get(day, b"")
        try:
            if path.stat().st_size != len(known):
                known = self._read[day] = path.read_bytes()
        except FileNotFoundError:
            self._read.pop(day, None)
            return b""
        return known

    def _key(self, *, create: bool) -> bytes:
        path = self._directory / KEY
        with contextlib.suppress(FileNotFoundError):
            return path.read_bytes()
        if not create:
            return b""
        # of two processes that do so at once, both use the key that is there afterwards
        draft = self._directory / f".{KEY}.{secrets.token_hex(6)}"
        write_atomically(draft, secrets.token_bytes(KEY_BYTES))
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
        return path.read_bytes()

    def _hash(self, address: Address, key: bytes) -> bytes:
        text = str(address.account).encode()
        return hashlib.blake2b(text, key=key, digest_size=HASH_BYTES).digest()


def _contains(hashes: bytes, wanted: bytes) -> bool:
    at = hashes.find(wanted)
    while at % HASH_BYTES and at != -1:
        at = hashes.find(wanted, at + 1)
    return at != -1


def _day(now_s: float) -> date:
    return datetime.fromtimestamp(now_s, UTC).date()


def _is_day(name: str) -> bool:
    try:
        return date.fromisoformat(name).isoformat() == name
    except ValueError:
        return False
