"""Restored files before they are in place: owners of this machine, one name per message.

The units of the relay are stopped meanwhile, so nobody else writes below these directories.
"""

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from chatmaild.operator.backup.manifest import Owners
from chatmaild.operator.backup.plan import MESSAGE_QUEUES
from chatmaild.store.mailboxes import Mailboxes, account_of
from chatmaild.store.tombstones import DIRECTORY as DELETED
from chatmaild.store.tombstones import KEY, Tombstones

_FOLDER_PARTS = ("cur", "new")


def change_owners(top: Path, owners: Owners) -> None:
    """Give all files below a directory to the users of the same names."""
    for folder, directories, files in os.walk(top):
        for name in (*directories, *files):
            path = f"{folder}/{name}"
            status = os.lstat(path)
            here = owners.here(status.st_uid, status.st_gid)
            if here == (status.st_uid, status.st_gid):
                continue
            os.chown(path, *here, follow_symlinks=False)
            # chown clears these bits
            if stat.S_IMODE(status.st_mode) & 0o6000 and not stat.S_ISLNK(status.st_mode):
                os.chmod(path, stat.S_IMODE(status.st_mode))  # noqa: PTH101


def remove_second_names(mail: Path) -> int:
    """Remove a message that was read under two names while it was renamed; return how many.

    A message keeps what is before the colon of its name; the flags after it change.
    """
    removed = 0
    for mailbox in mail.iterdir():
        for folder in (mailbox, *(path for path in _entries(mailbox) if path.name[:1] == ".")):
            seen: set[str] = set()
            for part in _FOLDER_PARTS:
                # the name with more flags first
                for message in sorted(_entries(folder / part), reverse=True):
                    base = message.name.partition(":")[0]
                    if base in seen:
                        message.unlink()
                        removed += 1
                    seen.add(base)
    return removed


def remove_second_queue_files(queue: Path) -> int:
    """Remove a message that was read in two queues while it moved; return how many.

    restic reads the queues by name. What it read last is the newest state of a message.
    """
    newest: dict[str, Path] = {}
    removed = 0
    for name in sorted(MESSAGE_QUEUES):
        for file in sorted((queue / name).rglob("*")):
            if file.is_dir():
                continue
            if earlier := newest.get(file.name):
                earlier.unlink()
                removed += 1
            newest[file.name] = file
    return removed


def remove_deleted(
    mail: Path, here: Mailboxes, known: Tombstones, *, now_s: float, since_s: float
) -> int:
    """Remove addresses that were deleted here since the backup; return how many.

    One that exists here was created again: it stays.
    """
    removed = 0
    for directory in mail.iterdir():
        address = account_of(directory.name)
        if (
            address
            and not here.exists(address)
            and known.has(address, now_s=now_s, since_s=since_s)
        ):
            shutil.rmtree(directory)
            removed += 1
    return removed


def keep_tombstones(here: Path, restored: Path) -> None:
    """Take over the names of addresses that were deleted here since the backup.

    Args:
        here: the accounts directory of this machine.
        restored: the one of the backup.
    """
    ours, theirs = here / DELETED, restored / DELETED
    with contextlib.suppress(FileNotFoundError):
        if (ours / KEY).read_bytes() != (theirs / KEY).read_bytes():
            return  # another relay was here, with other addresses
        for file in ours.iterdir():
            other = theirs / file.name
            if not other.exists() or other.stat().st_size < file.stat().st_size:
                shutil.copy2(file, other)
                status = (theirs / KEY).stat()
                os.chown(other, status.st_uid, status.st_gid)


def accounts(mail: Path) -> int:
    """The number of addresses."""
    return sum(account_of(path.name) is not None for path in mail.iterdir())


def _entries(folder: Path) -> Iterator[Path]:
    try:
        yield from list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return
