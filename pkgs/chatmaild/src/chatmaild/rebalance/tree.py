"""The files of an account: which of them move, and whether two trees are the same.

Times of files move with them: `expire` judges messages and logins by them.
"""

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from chatmaild.conversion.places import CONVERTED, CONVERTING
from chatmaild.errors import RebalanceError
from chatmaild.store.mail.moving import MOVING

# of a conversion or a move; an account that is being converted does not move
_OWN: Final = frozenset((MOVING, CONVERTING, CONVERTED))
# drafts of `write_atomically`, deliveries that have not ended, locks of processes that are gone
_UNFINISHED: Final = re.compile(r"\..*\.tmp|\.temp\..*|.*\.lock")


class Entry(NamedTuple):
    """A file or directory; a changed one differs from what it was."""

    is_directory: bool
    mode: int
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


Tree = dict[str, Entry]


def entry_of(status: os.stat_result) -> Entry:
    """Return the entry of a status.

    Raises:
        RebalanceError: it is neither a file nor a directory.
    """
    is_directory = stat.S_ISDIR(status.st_mode)
    if not is_directory and not stat.S_ISREG(status.st_mode):
        raise RebalanceError("it has a symbolic link, or another special file")
    return Entry(
        is_directory=is_directory,
        mode=stat.S_IMODE(status.st_mode),
        size=0 if is_directory else status.st_size,
        mtime_ns=0 if is_directory else status.st_mtime_ns,
        ctime_ns=0 if is_directory else status.st_ctime_ns,
        inode=status.st_ino,
    )


def read(home: Path) -> Tree:
    """Return what moves, by path; directories come before what is in them.

    Raises:
        RebalanceError: a file cannot move.
        OSError: the account cannot be read.
    """
    return dict(_below(str(home), ""))


def _below(directory: str, prefix: str) -> Iterator[tuple[str, Entry]]:
    with os.scandir(directory) as found:
        names = sorted(found, key=lambda one: one.name)
    for one in names:
        if not prefix and one.name in _OWN:
            continue
        # a client may give such a name to a folder, which is a directory
        if _UNFINISHED.fullmatch(one.name) and not one.is_dir(follow_symlinks=False):
            continue
        try:
            entry = entry_of(one.stat(follow_symlinks=False))
        except FileNotFoundError:
            continue  # deleted or renamed meanwhile
        path = f"{prefix}{one.name}"
        yield path, entry
        if entry.is_directory:
            try:
                yield from _below(one.path, f"{path}/")
            except FileNotFoundError:
                continue


def digest(tree: Mapping[str, Entry]) -> str:
    """Return a text that is the same for equal names, sizes and times of files."""
    digest = hashlib.blake2b(digest_size=16)
    for path, entry in sorted(tree.items()):
        line = f"{path}\0{entry.is_directory}\0{entry.size}\0{entry.mtime_ns}\n"
        digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()


def size_bytes(tree: Mapping[str, Entry]) -> int:
    """Return the bytes of all files."""
    return sum(entry.size for entry in tree.values())
