"""A mailbox that no other process has open: the locks that Dovecot's processes take, exclusively.

A process of Dovecot has a shared lock on the directory that tells the format, as long as it has
the mailbox open. Before that it takes one on `converting`, for a moment
(pkgs/preload/plugins/mailbox-format.c). An exclusive lock on `converting` lets new processes wait
while those that are there end. The kernel drops the locks of a killed process: nothing has to be
undone.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chatmaild.conversion.places import CONVERTING
from chatmaild.errors import BusyError
from chatmaild.store.mail.formats import Format

# 3 s: clients and Postfix wait so long without an error
LONGEST_S: Final = 3.0
# sessions end within 0.1 s, deliveries take milliseconds
_LOCK_S: Final = 1.5
_POLL_S: Final = 0.005


@dataclass(frozen=True, slots=True)
class Lease:
    """The time until which the mailbox has to be given back."""

    end_s: float

    @property
    def left_s(self) -> float:
        """What is left, in seconds.

        Raises:
            BusyError: nothing.
        """
        left_s = self.end_s - time.monotonic()
        if left_s <= 0:
            raise BusyError("too much has changed since it was copied")
        return left_s


@contextlib.contextmanager
def taken(
    home: Path, old: Format, end_sessions: Callable[[], None], *, gate: str = CONVERTING
) -> Iterator[Lease]:
    """Hold a mailbox alone.

    Args:
        gate: the directory at which new processes wait.

    Raises:
        BusyError: other processes keep it open.
        OSError: the mailbox cannot be opened.
    """
    with _opened(home / gate) as entrance, _opened(home / old.directory) as mailbox:
        started_s = time.monotonic()
        _lock(entrance, started_s + _LOCK_S)
        end_sessions()
        _lock(mailbox, started_s + _LOCK_S)
        yield Lease(started_s + LONGEST_S)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _lock(descriptor: int, end_s: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > end_s:
                raise BusyError("a client or a delivery keeps it open") from error
            time.sleep(_POLL_S)
        else:
            return
