"""Mailboxes as directories: `MAIL/ADDRESS/` with a password file, markers and the maildir.

password               hash of the password; empty = blocked; its modification time is the day of
                       the last login. An address exists when this file does.
enforceE2EEincoming    only encrypted mail comes in
DISABLED               sends and receives nothing, keeps what it has
metadata.json          device tokens
nearly-full            the mailbox may be full, see fullness.py
cur new tmp            the maildir, Dovecot's own

The directories have mode 0710: the filter, in the group of vmail, may ask for a name that it
knows, and may neither list nor read. Methods take an `Address` and mean its account, without the
`+tag`; they never parse text. An OSError passes through, because "cannot tell" is not "no".
"""

import contextlib
import errno
import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from chatmaild.address import Address, address_or_none
from chatmaild.errors import BusyError
from chatmaild.settings import Settings
from chatmaild.store.files import fsync_directory, write_atomically

PASSWORD = "password"  # noqa: S105 - a file's name
ENFORCE_ENCRYPTION = "enforceE2EEincoming"
DISABLED = "DISABLED"
METADATA = "metadata.json"
DIRECTORY_MODE = 0o710
DAY_S = 86400
# creation takes milliseconds; whoever holds a lock longer than this hangs
LOCK_TIMEOUT_S = 5.0
LOCK_POLL_S = 0.01
# begins with a dot and has no @, so that it is never taken for an address
TRASH_PREFIX = ".deleted-"


class Mailboxes:
    """The mailboxes below one directory."""

    def __init__(self, directory: str | Path) -> None:
        self.directory = Path(directory)
        self._root = str(self.directory)

    @classmethod
    def of(cls, settings: Settings) -> "Mailboxes":
        """The mailboxes of this relay."""
        return cls(settings.directories.mail)

    def path(self, address: Address) -> Path:
        """Directory of the account, existing or not."""
        return Path(self._path(address))

    def _path(self, address: Address) -> str:
        """The same as text, which costs a third: logins and messages ask for it."""
        local, domain = address.account
        return f"{self._root}/{local}@{domain}"

    def exists(self, address: Address) -> bool:
        """Whether the account was made and not deleted."""
        return _is_there(f"{self._path(address)}/{PASSWORD}")

    def is_disabled(self, address: Address) -> bool:
        """Whether the operator stopped the account; False where it does not exist."""
        return _is_there(f"{self._path(address)}/{DISABLED}")

    def accepts_clear_text(self, address: Address) -> bool:
        """Whether the account exists and the operator removed its `enforceE2EEincoming`.

        False where it does not exist. Most accounts have the marker: one stat decides.
        """
        path = self._path(address)
        marker = f"{path}/{ENFORCE_ENCRYPTION}"
        # Creation writes the marker before the password. The second look at the marker notices
        # an account that is made, or made again, between the first two.
        return not _is_there(marker) and _is_there(f"{path}/{PASSWORD}") and not _is_there(marker)

    def has(self, address: Address, name: str) -> bool:
        """Whether there is a file of that name in the directory of the address."""
        return _is_there(f"{self._path(address)}/{name}")

    def password_hash(self, address: Address) -> str | None:
        """The stored hash; empty when blocked, None when the address does not exist."""
        try:
            with open(f"{self._path(address)}/{PASSWORD}", "rb") as file:  # noqa: PTH123
                return file.read().decode("ascii").strip()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def set_password_hash(
        self, address: Address, encoded: str, *, now_s: float, instead_of: str | None = None
    ) -> bool:
        """Replace the stored hash and count today as the last login.

        Args:
            instead_of: the hash that must be stored now; None for any.

        Returns:
            Whether it was replaced; False when there is another one, or no such address.

        Raises:
            BusyError: somebody else holds the lock of the address.
        """
        current = self.password_hash(address)
        if current is None:
            return False
        path = self._path(address)
        with _locked(path) as locked:
            if not locked or self.password_hash(address) != (instead_of or current):
                return False
            _write_hash(path, encoded, now_s)
        return True

    def create(self, address: Address, encoded: str, *, now_s: float) -> bool:
        """Make the address, unless it exists.

        The password file comes last and by rename: before it the address does not exist, and a
        crash leaves at most a directory that the next attempt completes.

        Returns:
            Whether this call made it; False leaves everything as it was.

        Raises:
            BusyError: somebody else holds the lock of the address.
        """
        path = self._path(address)
        with _locked(path) as locked:
            if not locked or self.exists(address):
                return False
            os.close(os.open(f"{path}/{ENFORCE_ENCRYPTION}", os.O_WRONLY | os.O_CREAT, 0o600))
            _write_hash(path, encoded, now_s)
        fsync_directory(self._root)
        return True

    def record_login(self, address: Address, *, now_s: float) -> None:
        """Count today as the day of the last login; writes only when the day is another one."""
        _set_day(f"{self._path(address)}/{PASSWORD}", now_s)

    def last_login_s(self, address: Address) -> int | None:
        """Start of the day (UTC) of the last login in unix seconds; None for no such address."""
        try:
            return int((self.path(address) / PASSWORD).stat().st_mtime)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def set_disabled(self, address: Address, disabled: bool) -> None:
        """Stop the address or let it go on.

        Raises:
            FileNotFoundError: the address has no directory.
        """
        marker = self.path(address) / DISABLED
        if disabled:
            marker.touch(mode=0o600)
        else:
            marker.unlink(missing_ok=True)

    def delete(self, address: Address) -> bool:
        """Remove the account and all that it holds; from the first moment it does not exist.

        Its sessions go on: use `accounts.lifecycle.delete`, which ends them.

        Returns:
            Whether there was something to delete.
        """
        path = self.path(address)
        trash = self.directory / f"{TRASH_PREFIX}{secrets.token_hex(8)}"
        try:
            path.rename(trash)
        except FileNotFoundError:
            return False
        shutil.rmtree(trash, ignore_errors=True)
        return True

    def addresses(self) -> Iterator[Address]:
        """All accounts that exist, in no order.

        A directory that cannot be read or whose name is no account is left out.
        """
        with os.scandir(self.directory) as entries:
            for entry in entries:
                address = account_of(entry.name)
                with contextlib.suppress(OSError):
                    if address and self.exists(address):
                        yield address


def account_of(name: str) -> Address | None:
    """The account whose mailbox has a directory of that name; None when no account can have it."""
    address = address_or_none(name)
    return address if address and str(address.account) == name else None


def floor_to_day(time_s: float) -> int:
    """Start of the day (UTC), so that the hour of a login is not kept."""
    return int(time_s) // DAY_S * DAY_S


def _is_there(path: str) -> bool:
    try:
        os.stat(path)  # noqa: PTH116 - see Mailboxes._path
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


@contextlib.contextmanager
def _locked(path: str) -> Iterator[bool]:
    """Make the directory and hold its lock; False when it was deleted meanwhile."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, DIRECTORY_MODE)  # noqa: PTH102
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _lock(descriptor)
        yield _is_still(path, descriptor)
    finally:
        os.close(descriptor)


def _write_hash(directory: str, encoded: str, now_s: float) -> None:
    content = encoded.encode("ascii") + b"\n"
    write_atomically(f"{directory}/{PASSWORD}", content, modified_s=floor_to_day(now_s))


def _set_day(path: str, now_s: float) -> None:
    day_s = floor_to_day(now_s)
    if int(os.stat(path).st_mtime) != day_s:  # noqa: PTH116
        os.utime(path, (day_s, day_s))


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


def _is_still(path: str, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))  # noqa: PTH116
    except FileNotFoundError:
        return False
