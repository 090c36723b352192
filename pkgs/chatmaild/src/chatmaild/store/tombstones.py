"""Names of deleted addresses, which nobody else gets for a time; without the names themselves.

    ACCOUNTS/deleted/key           32 random bytes
    ACCOUNTS/deleted/2026-11-29    keyed hashes of the addresses deleted on that day, 16 bytes each
    ACCOUNTS/deleted/of-STORE/     the same of another store: a name deleted there is not given here

A file is removed as a whole when its day is `deleteInactiveAfterDays` past.
"""

import contextlib
import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator
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
_OF: Final = "of-"


class Tombstones:
    """The deleted addresses of the last days; safe for several processes."""

    def __init__(self, parent: str | Path, days: int) -> None:
        self._directory = Path(parent) / DIRECTORY
        self._days = days
        # what was read of each day's file
        self._read: dict[str, bytes] = {}
        self._of: dict[str, Tombstones] = {}

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
        names = self._listed()
        if not names:
            return False
        if any(other.has(address, now_s=now_s, since_s=since_s) for other in self._others(names)):
            return True
        days = [name for name in names if _is_day(name)]
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
        oldest, names = self._oldest(now_s), self._listed()
        expired = [day for day in names if _is_day(day) and day < oldest]
        for day in expired:
            (self._directory / day).unlink(missing_ok=True)
        return len(expired) + sum(other.expire(now_s=now_s) for other in self._others(names))

    def files(self, own: str) -> Iterator[tuple[str, str, bytes]]:
        """All that another store needs: (store, name of a file, its content), the key first.

        Args:
            own: the name of this store.

        Raises:
            OSError: a file cannot be read.
        """
        names = self._listed()
        days = [name for name in names if _is_day(name)]
        for name in ([KEY] if days else []) + sorted(days):
            with contextlib.suppress(FileNotFoundError):
                content = (self._directory / name).read_bytes()
                # an interrupted write leaves a part of a hash
                yield own, name, content[: len(content) // HASH_BYTES * HASH_BYTES]
        for store, other in zip(_stores(names), self._others(names), strict=True):
            yield from other.files(store)

    def keep(self, store: str, name: str, at: int, content: bytes) -> None:
        """Store a part of a file of another store.

        Raises:
            ValueError: it is no such file.
            OSError: it cannot be stored.
        """
        if not (name == KEY and at == 0 and len(content) == KEY_BYTES) and not (
            _is_day(name) and at % HASH_BYTES == len(content) % HASH_BYTES == 0
        ):
            raise ValueError("no file of deleted names")
        directory = self._directory / f"{_OF}{store}"
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(directory / name, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            os.pwrite(descriptor, content, at)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        fsync_directory(directory)

    def _oldest(self, now_s: float) -> str:
        return (_day(now_s) - timedelta(days=self._days)).isoformat()

    def _listed(self) -> list[str]:
        try:
            return os.listdir(self._directory)  # noqa: PTH208 - only names are needed
        except FileNotFoundError:
            return []

    def _others(self, names: Iterable[str]) -> list["Tombstones"]:
        """Those of other stores, among the names in the directory."""
        for store in _stores(names):
            if store not in self._of:
                other = self._of[store] = Tombstones(self._directory, self._days)
                other._directory = self._directory / f"{_OF}{store}"
        return [self._of[store] for store in _stores(names)]

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


def _stores(names: Iterable[str]) -> list[str]:
    return sorted(name.removeprefix(_OF) for name in names if name.startswith(_OF))


def _is_day(name: str) -> bool:
    try:
        return date.fromisoformat(name).isoformat() == name
    except ValueError:
        return False
