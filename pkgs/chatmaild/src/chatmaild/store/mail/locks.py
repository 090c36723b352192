"""The lock of an account: a lock on its directory (flock), between processes of ours.

Dovecot does not take it.
"""

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Iterator
from typing import Final

from chatmaild.errors import BusyError

# 5 s: a creation takes milliseconds, so a process that holds the lock longer hangs
LOCK_TIMEOUT_S: Final = 5.0
LOCK_POLL_S: Final = 0.01
DIRECTORY_MODE: Final = 0o710


@contextlib.contextmanager
def locked(path: str, *, create: bool = True) -> Iterator[bool]:
    """Hold the lock of the directory, by default create it; False if it is not there any more."""
    if create:
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, DIRECTORY_MODE)  # noqa: PTH102
    elif not os.path.lexists(path):
        yield False
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _lock(descriptor)
        yield _is_same(path, descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    deadline_s = time.monotonic() + LOCK_TIMEOUT_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno != errno.EWOULDBLOCK:
                raise
            if time.monotonic() > deadline_s:
                raise BusyError("the mailbox is locked") from error
            time.sleep(LOCK_POLL_S)
        else:
            return


def _is_same(path: str, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))  # noqa: PTH116
    except FileNotFoundError:
        return False
