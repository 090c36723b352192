"""Whether the disk has room for second copies of mailboxes."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chatmaild.store.mail import scan
from chatmaild.store.space import FLOOR_INODES, FLOOR_MEGABYTES, MEGABYTE

# Copies take this much more: blocks, indexes and metadata of each message
_MORE_BYTES: Final = 8192
_INDEXES: Final = 10


@dataclass(frozen=True, slots=True)
class Size:
    """Messages and their bytes."""

    messages: int = 0
    size_bytes: int = 0


def size_of(home: Path) -> Size:
    """About how much a mailbox has.

    Raises:
        OSError: it cannot be read.
    """
    messages, size_bytes = 0, 0
    for message in scan(str(home)):
        messages += 1
        size_bytes += message.size_bytes
    return Size(messages, size_bytes)


def is_short(directory: Path, sizes: Iterable[Size]) -> bool:
    """Whether mail would wait for space if there were copies of these mailboxes.

    Raises:
        OSError: the disk does not tell.
    """
    status = os.statvfs(directory)
    messages, size_bytes = 0, 0
    for size in sizes:
        messages += size.messages + _INDEXES
        size_bytes += size.size_bytes
    needed_bytes = size_bytes + messages * _MORE_BYTES + FLOOR_MEGABYTES * MEGABYTE
    if status.f_bavail * status.f_frsize < needed_bytes:
        return True
    # btrfs and others say 0 of 0
    return bool(status.f_files) and status.f_favail < messages + FLOOR_INODES
