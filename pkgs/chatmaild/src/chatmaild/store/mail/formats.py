"""The two formats of a mailbox: maildir, and sdbox since 0.4.

Dovecot chooses the format of each account by its directories: `mailboxes` means sdbox, otherwise
`cur` means maildir (pkgs/preload/plugins/mailbox-format.c).
"""

import contextlib
import enum
import os
import stat
from pathlib import Path
from typing import Final

from chatmaild.settings import Settings
from chatmaild.store.files import write_atomically

_CHOICE: Final = "storage"


class Format(enum.StrEnum):
    """How Dovecot stores the messages of an account."""

    MAILDIR = "maildir"
    SDBOX = "sdbox"

    @property
    def directory(self) -> str:
        """The directory that tells Dovecot the format."""
        return "cur" if self is Format.MAILDIR else "mailboxes"


def format_of(mailbox: str | Path) -> Format | None:
    """The format of an account; None if Dovecot finds none. It follows no symbolic link.

    Raises:
        OSError: the mailbox cannot be read.
    """
    for one in (Format.SDBOX, Format.MAILDIR):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            if stat.S_ISDIR(os.lstat(f"{mailbox}/{one.directory}").st_mode):
                return one
    return None


def make(mailbox: str, choice: "Choice | None") -> None:
    """Give an account the format of new ones, unless it has one.

    Raises:
        OSError: the account does not exist, or the disk is full.
    """
    # a file of that name belongs to a conversion that is not over
    if choice is None or any(os.path.lexists(f"{mailbox}/{one.directory}") for one in Format):
        return
    with contextlib.suppress(FileExistsError):
        os.mkdir(f"{mailbox}/{choice.of_new().directory}", 0o700)  # noqa: PTH102


class Choice:
    """The format of new accounts, to which existing ones are converted; a file has it.

    Without the file it is maildir: after an upgrade the conversion writes the file when the new
    system stays, because the previous system reads maildir only.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = str(path)

    @classmethod
    def of(cls, settings: Settings) -> "Choice":
        """The choice of this relay."""
        return cls(Path(settings.directories.accounts) / _CHOICE)

    def stored(self) -> Format | None:
        """What was chosen; None if nothing was.

        Raises:
            OSError, ValueError: the file cannot be read.
        """
        try:
            with open(self._path, encoding="ascii") as file:  # noqa: PTH123 - for each new account
                return Format(file.read().strip())
        except FileNotFoundError:
            return None

    def of_new(self) -> Format:
        """The format of a new account; maildir if it is unknown, which can be converted later."""
        try:
            return self.stored() or Format.MAILDIR
        except (OSError, ValueError):
            return Format.MAILDIR

    def store(self, wanted: Format) -> None:
        """Choose a format.

        Raises:
            OSError: the file cannot be written.
        """
        write_atomically(self._path, f"{wanted}\n".encode())
