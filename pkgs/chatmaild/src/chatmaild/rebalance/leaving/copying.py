"""Copy the files of an account to another store: all of them, then what has changed since."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from chatmaild.errors import BusyError
from chatmaild.rebalance import records, tree
from chatmaild.rebalance.peer import ANSWER_S, Peer
from chatmaild.rebalance.records import PIECE_BYTES, Record
from chatmaild.rebalance.tree import Entry, Tree

# Within this time after a change another one may leave time and size as they are: the clock of
# files has steps of up to 10 ms
_UNSETTLED_NS: Final = 100_000_000


class Copy:
    """The copy of an account at another store.

    Args:
        number: names the move.
    """

    def __init__(self, home: Path, number: str, peer: Peer) -> None:
        self._home = home
        self._number = number
        self._peer = peer
        # what the copy has
        self._copied: Tree = {}

    def renew(self, *, end_s: float | None = None) -> Tree:
        """Copy what has changed; return all that the account has.

        Args:
            end_s: when it must be done, on the monotonic clock. Then nobody else uses the account,
                and the files are on disk at the end.

        Raises:
            BusyError: it takes longer.
            StoreDownError, RebalanceError: the other store cannot take it.
            OSError: the account cannot be read.
        """
        found = tree.read(self._home)
        for body in records.bodies(self._changed(found)):
            within_s = ANSWER_S if end_s is None else end_s - time.monotonic()
            if within_s <= 0:
                raise BusyError("too much has changed since it was copied")
            flush = "0" if end_s is None else "1"
            self._peer.ask("/files", body, within_s=within_s, id=self._number, flush=flush)
        return found

    def _changed(self, found: Tree) -> Iterator[Record]:
        for path in sorted(self._copied.keys() - found.keys(), reverse=True):
            yield from self._gone(path)
        for path, entry in found.items():
            known = self._copied.get(path)
            if known is not None and known.is_directory != entry.is_directory:
                yield from self._gone(path)
                known = None
            if entry.is_directory:
                if known is None:
                    yield Record(path=path, kind="directory", mode=entry.mode)
                self._copied[path] = entry
            elif known != entry:
                yield from self._pieces(path)

    def _gone(self, path: str) -> Iterator[Record]:
        yield Record(path=path, kind="gone")
        for below in [one for one in self._copied if one == path or one.startswith(f"{path}/")]:
            del self._copied[below]

    def _pieces(self, path: str) -> Iterator[Record]:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            descriptor = os.open(self._home / path, flags)
        except FileNotFoundError:
            return  # deleted or renamed meanwhile
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            now_ns = time.time_ns()
            entry = tree.entry_of(os.fstat(descriptor))
            offset = 0
            while True:
                data = file.read(min(PIECE_BYTES, entry.size - offset))
                yield _record(path, entry, offset, data)
                offset += len(data)
                if not data or offset == entry.size:
                    break
        # what is different now, or may soon be, is copied again
        is_settled = offset == entry.size and abs(now_ns - entry.ctime_ns) > _UNSETTLED_NS
        self._copied[path] = entry if is_settled else entry._replace(inode=0)


def _record(path: str, entry: Entry, offset: int, data: bytes) -> Record:
    return Record(
        path=path,
        kind="file",
        mode=entry.mode,
        size=entry.size,
        mtime_ns=entry.mtime_ns,
        offset=offset,
        data=data,
    )
