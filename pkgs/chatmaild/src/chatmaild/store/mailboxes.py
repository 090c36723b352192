"""Mailboxes as directories: `MAIL/ADDRESS/` with password file, account flags and maildir.

password               hash of the password; empty = blocked; its modification time is the day of
                       the last login. An account exists if this file exists.
enforceE2EEincoming    flag: receives encrypted mail only
DISABLED               flag: sends and receives nothing, keeps its messages
metadata.json          device tokens
nearly-full            flag: the mailbox may be full, see fullness.py
imported               names of messages from another relay, see operator/exchange/filling.py
mailboxes              the messages, written by Dovecot (sdbox); in a maildir cur, new and tmp
converting converted   of a conversion between the two, see conversion/places.py
moving                 of a move to another store, see mail/moving.py

Mode 0710 lets the filter, in the group vmail, stat files by name, but not list or read them.
Methods take an `Address` and use its account, without the `+tag`. An OSError is raised, because
"cannot tell" is not "no".
"""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from chatmaild.address import Address, address_or_none
from chatmaild.errors import MovingError
from chatmaild.settings import Settings
from chatmaild.store.files import fsync_directory, write_atomically
from chatmaild.store.mail import formats, moving
from chatmaild.store.mail.formats import Choice
from chatmaild.store.mail.locks import locked

PASSWORD: Final = "password"  # noqa: S105 - a file name
ENFORCE_ENCRYPTION: Final = "enforceE2EEincoming"
DISABLED: Final = "DISABLED"
METADATA: Final = "metadata.json"
IMPORTED: Final = "imported"
DAY_S: Final = 86400
# begins with a dot and has no @: no account has such a name
TRASH_PREFIX: Final = ".deleted-"


class Mailboxes:
    """The mailboxes in the mail directory."""

    def __init__(self, directory: str | Path, choice: Choice | None = None) -> None:
        """The mailboxes below a directory; without a choice new ones have no format yet."""
        self.directory = Path(directory)
        self._root = str(self.directory)
        self._choice = choice

    @classmethod
    def of(cls, settings: Settings) -> "Mailboxes":
        """The mailboxes of this relay."""
        return cls(settings.directories.mail, Choice.of(settings))

    def path(self, address: Address) -> Path:
        """The directory of an account, whether it exists or not."""
        return Path(self._path(address))

    def _path(self, address: Address) -> str:
        """The directory as str: a third of the time of `path`, for logins and messages."""
        local, domain = address.account
        return f"{self._root}/{local}@{domain}"

    def exists(self, address: Address) -> bool:
        """Whether the account exists."""
        return _exists(f"{self._path(address)}/{PASSWORD}")

    def is_disabled(self, address: Address) -> bool:
        """Whether the operator disabled the account; False if it does not exist."""
        return _exists(f"{self._path(address)}/{DISABLED}")

    def accepts_clear_text(self, address: Address) -> bool:
        """Whether the account exists and the operator removed its `enforceE2EEincoming`.

        Most accounts have the flag: then one stat decides.
        """
        path = self._path(address)
        flag = f"{path}/{ENFORCE_ENCRYPTION}"
        # Creation writes the flag before the password. The second check of the flag detects an
        # account that was created between the first two checks.
        return not _exists(flag) and _exists(f"{path}/{PASSWORD}") and not _exists(flag)

    def has(self, address: Address, name: str) -> bool:
        """Whether the directory of the account has a file with that name."""
        return _exists(f"{self._path(address)}/{name}")

    def password_hash(self, address: Address) -> str | None:
        """The stored hash; empty if the account is blocked, None if it does not exist."""
        try:
            with open(f"{self._path(address)}/{PASSWORD}", "rb") as file:  # noqa: PTH123
                return file.read().decode("ascii").strip()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def set_password_hash(
        self, address: Address, encoded: str, *, now_s: float, instead_of: str | None = None
    ) -> bool:
        """Replace the stored hash and record today as the last login.

        Args:
            instead_of: the hash to replace; None for any.

        Returns:
            Whether the hash was replaced; False if another hash is stored, or no account exists.

        Raises:
            BusyError: another process holds the lock of the account.
        """
        current = self.password_hash(address)
        if current is None:
            return False
        path = self._path(address)
        with locked(path) as is_there:
            if not is_there or self.password_hash(address) != (instead_of or current):
                return False
            moving.check_stays(path)
            _write_hash(path, encoded, now_s)
        return True

    def create(self, address: Address, encoded: str, *, now_s: float) -> bool:
        """Create an account, unless it exists.

        The password file is written last, by rename: the account exists from then on. A crash
        leaves at most a directory, which the next attempt completes.

        Returns:
            Whether this call created the account; False changes nothing.

        Raises:
            BusyError: another process holds the lock of the account.
        """
        path = self._path(address)
        with locked(path) as is_there:
            if not is_there or self.exists(address):
                return False
            os.close(os.open(f"{path}/{ENFORCE_ENCRYPTION}", os.O_WRONLY | os.O_CREAT, 0o600))
            formats.make(path, self._choice)
            _write_hash(path, encoded, now_s)
        fsync_directory(self._root)
        return True

    def is_usable(self, address: Address) -> bool:
        """Whether the account exists; then it has a format.

        Versions before 0.4 left it to Dovecot to make the directories of a new account.
        """
        exists = self.exists(address)
        if exists:
            with contextlib.suppress(FileNotFoundError):
                formats.make(self._path(address), self._choice)
        return exists

    def adopt(self, address: Address, directory: Path) -> bool:
        """Make a complete mailbox directory that of an account, unless the account exists.

        It is on disk after `fsync_directory`, which the caller does for many at once.

        Raises:
            BusyError: another process holds the lock of the account.
        """
        path = self._path(address)
        self.remove_leftover(address)
        with locked(path) as is_there:
            if not is_there or self.exists(address):
                return False
            directory.rename(path)  # it is empty, and processes that wait for its lock see that
        return True

    def record_login(self, address: Address, *, now_s: float) -> None:
        """Record today as the day of the last login; writes once a day at most.

        The account has a format then, see `is_usable`.
        """
        formats.make(self._path(address), self._choice)
        _set_day(f"{self._path(address)}/{PASSWORD}", now_s)

    def last_login_s(self, address: Address) -> int | None:
        """Start of the day (UTC) of the last login in Unix seconds; None if no account exists."""
        try:
            return int((self.path(address) / PASSWORD).stat().st_mtime)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def set_disabled(self, address: Address, disabled: bool) -> None:
        """Disable or enable an account.

        Raises:
            FileNotFoundError: the account has no directory.
            BusyError: another process holds its lock, or it is just moving to another store.
        """
        path = self.path(address)
        flag = path / DISABLED
        with locked(str(path), create=False) as is_there:
            if not is_there:
                raise FileNotFoundError(path)
            moving.check_stays(path)
            if disabled:
                flag.touch(mode=0o600)
            else:
                flag.unlink(missing_ok=True)

    def delete(self, address: Address) -> bool:
        """Delete an account with its messages; a rename makes it disappear at once.

        Its sessions stay open: use `accounts.lifecycle.delete`, which ends them.

        Returns:
            Whether the account had a directory.

        Raises:
            BusyError: the account is just moving to another store.
        """
        import shutil  # with three libraries for archives, which the filter would load, too

        path = self.path(address)
        trash = self.directory / f"{TRASH_PREFIX}{secrets.token_hex(8)}"
        try:
            path.rename(trash)
        except FileNotFoundError:
            return False
        # after the rename: a move that begins now finds no account
        try:
            moving.check_stays(trash)
        except MovingError:
            trash.rename(path)
            raise
        shutil.rmtree(trash, ignore_errors=True)
        return True

    def remove_leftover(self, address: Address) -> None:
        """Remove what a session wrote after the deletion; keeps an account created since then.

        Raises:
            BusyError: another process holds the lock of the account.
        """
        with locked(self._path(address), create=False) as is_there:
            if is_there and not self.exists(address):
                self.delete(address)

    @contextlib.contextmanager
    def alone(self, address: Address) -> Iterator[bool]:
        """Hold the lock of an account; False if it does not exist.

        Raises:
            BusyError: another process holds it.
        """
        with locked(self._path(address), create=False) as is_there:
            yield is_there and self.exists(address)

    def addresses(self) -> Iterator[Address]:
        """All existing accounts, in no order.

        Skips directories that cannot be read or whose name is not an account.
        """
        with os.scandir(self.directory) as entries:
            for entry in entries:
                address = account_of(entry.name)
                with contextlib.suppress(OSError):
                    if address and self.exists(address):
                        yield address


def account_of(name: str) -> Address | None:
    """The account of a directory name; None if no account has such a name."""
    address = address_or_none(name)
    return address if address and str(address.account) == name else None


def floor_to_day(time_s: float) -> int:
    """Start of the day (UTC); for privacy, the hour of a login is not stored."""
    return int(time_s) // DAY_S * DAY_S


def _exists(path: str) -> bool:
    try:
        os.stat(path)  # noqa: PTH116 - see Mailboxes._path
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _write_hash(directory: str, encoded: str, now_s: float) -> None:
    content = encoded.encode("ascii") + b"\n"
    write_atomically(f"{directory}/{PASSWORD}", content, modified_s=floor_to_day(now_s))


def _set_day(path: str, now_s: float) -> None:
    day_s = floor_to_day(now_s)
    if int(os.stat(path).st_mtime) != day_s:  # noqa: PTH116
        os.utime(path, (day_s, day_s))
