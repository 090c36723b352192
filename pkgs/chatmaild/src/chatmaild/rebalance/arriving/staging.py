"""The store that gets an account: files, and the moment from which it has it.

    MAIL/.arriving-ID        the copy; no login, delivery or command looks there
    ACCOUNTS/arrivals/ID     it may have become an account
    MAIL/ADDRESS             it has: the rename from the first to here is the moment

The rename happens once at most: `settle` takes the copy away by a rename as well, and one of the
two finds none. So the other store learns for certain whether this store has the account, also after
either was killed, and also if the account was deleted since: without a copy, the file `arrivals/ID`
tells. It stays until the other store has removed its own copy.
"""

import contextlib
import os
import re
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from weakref import WeakValueDictionary

from chatmaild.address import Address
from chatmaild.errors import RebalanceError
from chatmaild.rebalance import tree
from chatmaild.rebalance.records import Record
from chatmaild.store.files import fsync_directory, sync_file_system, write_atomically
from chatmaild.store.mail.moving import Departed
from chatmaild.store.mailboxes import DAY_S, TRASH_PREFIX, Mailboxes
from chatmaild.store.space import FLOOR_INODES, FLOOR_MEGABYTES, MEGABYTE

PREFIX: Final = ".arriving-"
ARRIVALS: Final = "arrivals"
_ID: Final = re.compile("[0-9a-f]{32}")
_DIRECTORY_MODE: Final = 0o710
# what others may do is not copied
_MODES: Final = 0o770
# blocks and metadata of a file
_MORE_BYTES: Final = 8192
# a copy that nobody asks about any more
_DEAD_S: Final = DAY_S


class Staging:
    """Copies of accounts that come to this store."""

    def __init__(self, mailboxes: Mailboxes, accounts: str | Path) -> None:
        self._mailboxes = mailboxes
        self._mail = mailboxes.directory
        self._arrivals = Path(accounts) / ARRIVALS
        self._departed = Departed(accounts)
        # by copy: while `commit` makes it an account, `settle` does not decide, or both would
        self._deciding: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()
        self._guard = threading.Lock()

    def begin(self, number: str, address: Address, *, size_bytes: int, files: int) -> None:
        """Make room for a copy.

        Raises:
            RebalanceError: the account is here already, or the disk is full.
            OSError: the disk fails.
        """
        if self._mailboxes.exists(address):
            raise RebalanceError("has the address already")
        status = os.statvfs(self._mail)
        needed_bytes = size_bytes + files * _MORE_BYTES + FLOOR_MEGABYTES * MEGABYTE
        if status.f_bavail * status.f_frsize < needed_bytes or (
            status.f_files and status.f_favail < files + FLOOR_INODES
        ):
            raise RebalanceError("has no room on its disk")
        self._copy(number).mkdir(mode=_DIRECTORY_MODE, exist_ok=True)

    def write(self, number: str, records: list[Record], *, flushes: bool) -> None:
        """Write files, pieces of files and directories; delete what is gone.

        Args:
            flushes: whether they are on disk then; directories are by `commit`.

        Raises:
            FileNotFoundError: there is no such copy.
            OSError: the disk is full or fails.
        """
        copy = self._copy(number)
        if not copy.is_dir():
            raise FileNotFoundError
        for record in records:
            path = f"{copy}/{record.path}"
            match record.kind:
                case "directory":
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(path, record.mode & _MODES)  # noqa: PTH102
                case "gone":
                    _remove(path)
                case "file":
                    _write(path, record, flushes=flushes)

    def flush(self) -> None:
        """Bring all copies to disk.

        Raises:
            OSError: the disk fails.
        """
        sync_file_system(self._mail)

    def commit(self, number: str, address: Address, digest: str) -> None:
        """Make a copy the account; the other store has taken its own out of use.

        Raises:
            FileNotFoundError: there is no such copy.
            RebalanceError: the copy is not the same, or the account is here already.
            OSError: the disk fails.
        """
        copy = self._copy(number)
        found = tree.read(copy)
        if tree.digest(found) != digest:
            raise RebalanceError("has another copy")
        for path in (entry for entry in found if found[entry].is_directory):
            fsync_directory(copy / path)
        fsync_directory(copy)
        if not self._arrivals.is_dir():
            self._arrivals.mkdir(mode=0o700, parents=True, exist_ok=True)
            fsync_directory(self._arrivals.parent)
        with self._alone(number):
            if not copy.is_dir():
                raise FileNotFoundError(copy)
            self._adopt(number, address)
        fsync_directory(self._mail)
        # it may have been here before
        self._departed.remove(address)

    def settle(self, number: str) -> bool:
        """Whether a copy has become an account; if not, it never will.

        Raises:
            OSError: the disk fails.
        """
        copy, trash = self._copy(number), self._mail / f"{TRASH_PREFIX}{number}"
        with self._alone(number):
            try:
                copy.rename(trash)
            except FileNotFoundError:
                # also on disk: the other store deletes its own
                fsync_directory(self._mail)
                return (self._arrivals / number).exists()
            fsync_directory(self._mail)
            (self._arrivals / number).unlink(missing_ok=True)
        shutil.rmtree(trash, ignore_errors=True)
        return False

    def done(self, number: str) -> None:
        """Forget an arrival: the other store has no copy any more."""
        _check(number)
        (self._arrivals / number).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Delete copies of moves that were given up."""
        for path in self._mail.glob(f"{PREFIX}*"):
            with contextlib.suppress(OSError):
                number = path.name.removeprefix(PREFIX)
                if _ID.fullmatch(number) and time.time() - _newest_s(path) > _DEAD_S:
                    self.settle(number)

    def _adopt(self, number: str, address: Address) -> None:
        copy, arrival = self._copy(number), self._arrivals / number
        write_atomically(arrival, b"")
        try:
            is_adopted = self._mailboxes.adopt(address, copy)
        finally:
            if copy.is_dir():
                arrival.unlink(missing_ok=True)
        if not is_adopted:
            raise RebalanceError("has the address already")

    @contextlib.contextmanager
    def _alone(self, number: str) -> Iterator[None]:
        with self._guard:
            lock = self._deciding.setdefault(number, threading.Lock())
        with lock:
            yield

    def _copy(self, number: str) -> Path:
        _check(number)
        return self._mail / f"{PREFIX}{number}"


def _check(number: str) -> None:
    if not _ID.fullmatch(number):
        raise RebalanceError("does not know such a move")


def _newest_s(path: Path) -> float:
    return max(place.stat().st_mtime for place in (path, *_directories(path)))


def _directories(path: Path) -> Iterator[Path]:
    return (place for place in path.rglob("*") if place.is_dir())


def _write(path: str, record: Record, *, flushes: bool) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    # a file that has grown is written anew; the copy of an earlier attempt is gone
    flags |= 0 if record.offset else os.O_TRUNC
    descriptor = os.open(path, flags, record.mode & _MODES)
    try:
        view = memoryview(record.data)
        at = record.offset
        while view:
            written = os.pwrite(descriptor, view, at)
            view, at = view[written:], at + written
        if record.is_last:
            os.ftruncate(descriptor, record.size)
            os.utime(descriptor, ns=(record.mtime_ns, record.mtime_ns))
        if flushes:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: str) -> None:
    try:
        os.unlink(path)  # noqa: PTH108 - as all paths here
    except IsADirectoryError:
        shutil.rmtree(path)
    except FileNotFoundError:
        pass
