"""`chatmail address import`: copy mailboxes from the mail directory of another chatmail server.

The layout is the same as here: `ADDRESS/` with `password` and a maildir. Dovecot's indexes are not
copied: Dovecot rebuilds them, and flags are part of the file names.
"""

import os
import pwd
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chatmaild.address import Address
from chatmaild.errors import ChatmaildError
from chatmaild.operator.privileges import audit
from chatmaild.settings import Settings
from chatmaild.store.mailboxes import DIRECTORY_MODE, PASSWORD, TRASH_PREFIX, Mailboxes, account_of

_LEFT_BEHIND = shutil.ignore_patterns(
    "dovecot.index*", "dovecot.list.index*", "maildirsize", ".*.tmp"
)


@dataclass(slots=True)
class Imported:
    """Counts: copied, existing here already, not an address of this relay."""

    done: int = 0
    existing: int = 0
    foreign: int = 0

    def summary(self) -> str:
        """Return one line of text."""
        return (
            f"imported {self.done} addresses; {self.existing} existed and stayed as they were;"
            f" {self.foreign} directories are no addresses of this relay"
        )


def candidates(source: Path) -> list[Path]:
    """List the directories that may be mailboxes, sorted.

    Raises:
        ChatmaildError: it cannot be read.
    """
    try:
        return sorted(path for path in source.iterdir() if path.is_dir())
    except OSError as error:
        raise ChatmaildError(f"{source}: {error.strerror}") from error


def run(settings: Settings, directories: list[Path], result: Imported) -> Iterator[Path]:
    """Copy each mailbox whose address does not exist here; yield each directory when done.

    Raises:
        ChatmaildError: the mail user does not exist.
        OSError: the disk is full or a file cannot be read; mailboxes copied before that stay.
    """
    mailboxes = Mailboxes.of(settings)
    owner = _owner(settings.users.mail)
    for directory in directories:
        address = _address(directory, settings.mail_domain)
        if address is None:
            result.foreign += 1
        elif mailboxes.exists(address):
            result.existing += 1
        else:
            _copy(directory, mailboxes.path(address), owner)
            result.done += 1
        yield directory
    audit("%d addresses imported", result.done)


def _address(directory: Path, domain: str) -> Address | None:
    address = account_of(directory.name)
    here = address is not None and address.domain == domain
    return address if here and (directory / PASSWORD).is_file() else None


def _copy(source: Path, target: Path, owner: tuple[int, int] | None) -> None:
    """Copy under a temporary name, then rename: a mailbox is complete or absent."""
    unfinished = target.with_name(f"{TRASH_PREFIX}{secrets.token_hex(8)}")
    try:
        shutil.copytree(source, unfinished, symlinks=True, ignore=_LEFT_BEHIND)
        for path in (unfinished, *unfinished.rglob("*")):
            if owner:
                os.chown(path, *owner, follow_symlinks=False)
            if not path.is_symlink():
                path.chmod(DIRECTORY_MODE if path.is_dir() else 0o600)
        unfinished.rename(target)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def _owner(user: str) -> tuple[int, int] | None:
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(user)
    except KeyError as error:
        raise ChatmaildError(f"there is no user {user}: is the relay set up?") from error
    return entry.pw_uid, entry.pw_gid
