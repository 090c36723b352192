"""Free space of the disks that mail needs: bytes and inodes."""

import asyncio
import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chatmaild.settings import Settings

_log = logging.getLogger(__name__)

MEGABYTE: Final = 1 << 20
# three of the largest messages; Postfix refuses mail below 1.5 of them (queue_minfree)
FLOOR_MEGABYTES: Final = 100
# a message takes two in the queue and one in a mailbox
FLOOR_INODES: Final = 1000
LOOK_EVERY_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """Free space of one file system.

    Attributes:
        free_inodes: None where the file system has no limit.
        mount: where the file system is mounted.
    """

    directory: str
    free_megabytes: float
    free_inodes: int | None
    mount: str = "/"

    @property
    def is_short(self) -> bool:
        """Whether mail may soon wait for space."""
        inodes = self.free_inodes
        return self.free_megabytes < FLOOR_MEGABYTES or (
            inodes is not None and inodes < FLOOR_INODES
        )

    def __str__(self) -> str:
        """Return the numbers in words."""
        inodes = "" if self.free_inodes is None else f" and {self.free_inodes} inodes"
        return f"{self.free_megabytes:.0f} MiB{inodes} free in {self.directory}"


def spaces(settings: Settings) -> list[Space]:
    """Return the space for mailboxes, our state and Postfix' queue, each file system once.

    The machines of a cluster have mailboxes or a queue.
    """
    directories = settings.directories
    mailboxes = (directories.mail, directories.accounts)
    wanted = {
        "front": (directories.postfix_queue, directories.state),
        "store": mailboxes,
    }.get(settings.cluster.role, (*mailboxes, directories.postfix_queue))
    found: dict[int, Space] = {}
    for directory in wanted:
        try:
            device = Path(directory).stat().st_dev
            found.setdefault(device, _space(directory))
        except OSError:
            continue  # a unit need not see every directory
    return list(found.values())


def repair(found: Iterable[Space]) -> str:
    """Return the command that shows what takes the space of the first short file system."""
    space = next(space for space in found if space.is_short)
    if space.free_megabytes < FLOOR_MEGABYTES:
        look = f"du -xah --max-depth=3 {space.mount} | sort -h | tail"
    else:
        look = f"du -x --inodes --max-depth=3 {space.mount} | sort -n | tail"
    return f"{look}; then delete what is not needed, enlarge the disk, or shorten retention.*"


def shortage(found: Iterable[Space]) -> str | None:
    """Return a sentence about the file systems that are nearly full, or None."""
    short = [str(space) for space in found if space.is_short]
    if not short:
        return None
    return f"nearly full: {', '.join(short)}; mail waits in the queues until there is space"


async def watch(settings: Settings) -> None:
    """Log a line when space gets short, and another when it is back; never return."""
    was_short = False
    while True:
        problem = shortage(spaces(settings))
        if problem and not was_short:
            _log.warning("disk %s", problem)
        elif was_short and not problem:
            _log.warning("disk has space again, waiting mail is delivered by itself")
        was_short = problem is not None
        await asyncio.sleep(LOOK_EVERY_S)


def _space(directory: str) -> Space:
    status = os.statvfs(directory)
    return Space(
        directory=directory,
        free_megabytes=status.f_bavail * status.f_frsize / MEGABYTE,
        # btrfs and others say 0 of 0
        free_inodes=status.f_favail if status.f_files else None,
        mount=_mount(Path(directory)),
    )


def _mount(path: Path) -> str:
    device = path.stat().st_dev
    while path != path.parent and path.parent.stat().st_dev == device:
        path = path.parent
    return str(path)
