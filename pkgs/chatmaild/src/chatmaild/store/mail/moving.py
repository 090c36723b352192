"""An account that moves to another store is out of use for a moment.

    MAIL/ADDRESS/moving/             while it is copied; with an exclusive lock on it (flock), out
                                     of use
    MAIL/ADDRESS/moving/committing   the other store may have the account already: out of use
    ACCOUNTS/departed/HASH           the account has left a moment ago

Dovecot's processes look at the first two before they open a mailbox (pkgs/preload/plugins/
mailbox-format.c). The kernel drops the lock of a killed process, so the account is in use again,
unless the other store may have it. `rebalance` writes and removes all of them.

A front asks one store after the other. Without the third it could ask the new store before the
move, and the old one after it: neither would know the address.
"""

import fcntl
import hashlib
import os
import time
from pathlib import Path
from typing import Final

from chatmaild.address import Address
from chatmaild.errors import MovingError

MOVING: Final = "moving"
COMMITTING: Final = "committing"
DEPARTED: Final = "departed"
# longer than a front takes to ask all stores
DEPARTED_S: Final = 60.0


def is_out_of_use(home: str | Path) -> bool:
    """Whether an account is just moving.

    Raises:
        OSError: the account cannot be read.
    """
    path = f"{home}/{MOVING}"
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return os.path.lexists(f"{path}/{COMMITTING}")


def check_stays(home: str | Path) -> None:
    """Let an account be used or changed: what is changed while it moves may be lost.

    Raises:
        MovingError: it is just moving.
        OSError: the account cannot be read.
    """
    if is_out_of_use(home):
        raise MovingError("the account moves to another store; try again")


class Departed:
    """The accounts that left this store a moment ago."""

    def __init__(self, parent: str | Path) -> None:
        self._directory = Path(parent) / DEPARTED

    def add(self, address: Address) -> None:
        """Remember that an account is about to leave.

        Raises:
            OSError: the disk is full or fails.
        """
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path(address).touch(mode=0o600)

    def has(self, address: Address) -> bool:
        """Whether an account has just left.

        Raises:
            OSError: the disk fails.
        """
        try:
            left_s = self._path(address).stat().st_mtime
        except FileNotFoundError:
            return False
        return abs(time.time() - left_s) < DEPARTED_S

    def remove(self, address: Address) -> None:
        """Forget an account that did not leave, or came back."""
        self._path(address).unlink(missing_ok=True)

    def clean(self) -> None:
        """Forget those that left a while ago."""
        try:
            entries = list(os.scandir(self._directory))
        except FileNotFoundError:
            return
        for entry in entries:
            if abs(time.time() - entry.stat().st_mtime) >= DEPARTED_S:
                Path(entry.path).unlink(missing_ok=True)

    def _path(self, address: Address) -> Path:
        # a hash: the address is not kept
        text = str(address.account).encode()
        return self._directory / hashlib.blake2b(text, digest_size=16).hexdigest()


class Movement:
    """Tells services that are asked about an account whether it moves, or has just moved."""

    def __init__(self, mail: str | Path, accounts: str | Path) -> None:
        self._mail = str(mail)
        self._departed = Departed(accounts)

    def check(self, address: Address) -> None:
        """Let an account be asked about.

        Raises:
            MovingError: it moves.
            OSError: the disk fails.
        """
        check_stays(f"{self._mail}/{address.account}")

    def has_just_left(self, address: Address) -> bool:
        """Whether an account has moved to another store a moment ago.

        Raises:
            OSError: the disk fails.
        """
        return self._departed.has(address)
