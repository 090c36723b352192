"""Where the parts of an account are during its conversion, and how it goes on after a crash.

    converting/   the mailbox in its new format, written beside the old one
    converted/    the old mailbox, when the new one has its place; `to-FORMAT` in it is the new one

    1. copy       Dovecot writes `converting`; the account is in use
    2. lease      no other process has the mailbox open, see lease.py
    3. publish    the new mailbox moves from `converting` to its place
    4. clean      the old one is deleted

Dovecot opens `mailboxes` if it is there, otherwise `cur`: pkgs/preload/plugins/mailbox-format.c. So
one rename changes the format: that of `mailboxes`, to its place or away from it. A crash before it
leaves the old mailbox in use, and a crash after it the new one; neither waits for `recover`, which
removes the rest.
"""

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from chatmaild.errors import ConversionError
from chatmaild.store.mail.formats import Format

CONVERTING: Final = "converting"
CONVERTED: Final = "converted"
# a directory, because the journal of the file system orders its creation before later renames
_TARGET: Final = "to-"
_MAILDIR: Final = ("cur", "new", "tmp")
# Dovecot's files of a maildir's INBOX
_FILES: Final = re.compile(
    r"dovecot-uidlist|dovecot-keywords|dovecot\.index(\..*)?|maildirsize|maildirfolder"
)
_FOLDER: Final = re.compile(r"\.[^.].*")
# which Dovecot makes anew
_LIST: Final = "dovecot.list.index"
# doveadm's plugin for Sieve, which the relay has not
_SIEVE: Final = ("sieve/tmp", "sieve")
BOTH: Final = (
    "it has mailboxes in both formats: an older version ran after the conversion, and its messages"
    " are in cur and new"
)


def other(one: Format) -> Format:
    """The format to which a mailbox of that format is converted."""
    return Format.SDBOX if one is Format.MAILDIR else Format.MAILDIR


def found(home: Path) -> list[Format]:
    """The formats whose directory an account has; Dovecot opens the sdbox if there are two."""
    return [one for one in Format if _is_directory(home / one.directory)]


def refuse_links(home: Path) -> None:
    """Look for symbolic links, which nobody follows: they could lead to another account.

    Raises:
        ConversionError: there is one, or a file has the name of a directory.
        OSError: a directory cannot be read.
    """
    names = (*_MAILDIR, Format.SDBOX.directory, CONVERTING, CONVERTED)
    wrong = [name for name in names if _is_in_the_way(home / name)]
    if wrong:
        raise ConversionError(f"{wrong[0]} is not a directory")
    if home.is_symlink() or any(entry.is_symlink() for entry in _walk(home)):
        raise ConversionError("it has a symbolic link")


def publish(home: Path, new: Format) -> None:
    """Move the new mailbox to its place, in an account that no other process has open.

    Raises:
        OSError: the disk fails; then `recover` completes or undoes it.
    """
    converting, converted = home / CONVERTING, home / CONVERTED
    converted.mkdir(mode=0o700)
    (converted / f"{_TARGET}{new}").mkdir(mode=0o700)
    for path in home.glob(f"{_LIST}*"):
        path.unlink()
    directory = Format.SDBOX.directory
    if new is Format.SDBOX:
        (converting / directory).mkdir(mode=0o700, exist_ok=True)
        (converting / directory).rename(home / directory)
        _retire(home)
        return
    for name in _MAILDIR:
        (converting / name).mkdir(mode=0o700, exist_ok=True)
    for name in _maildir(converting):
        (converting / name).rename(home / name)
    (home / directory).rename(converted / directory)


def clean(home: Path) -> None:
    """Delete the old mailbox and what is left of the copy.

    Raises:
        OSError: the disk fails.
    """
    for name in _SIEVE:
        with contextlib.suppress(OSError):
            (home / name).rmdir()
    _delete(home / CONVERTING)
    converted = home / CONVERTED
    if not _is_directory(converted):
        return
    targets = [converted / f"{_TARGET}{one}" for one in Format]
    for path in [*converted.iterdir()]:
        if path not in targets:
            _delete(path)
    # these tell that something is left to do
    for path in (*targets, converted):
        with contextlib.suppress(FileNotFoundError):
            path.rmdir()


def recover(home: Path) -> bool:
    """Complete or undo what was interrupted; the account may be in use.

    Returns:
        Whether the account has its new format.

    Raises:
        ConversionError: an older version has used the account since then; nothing was changed.
        OSError: the disk fails.
    """
    refuse_links(home)
    converted = home / CONVERTED
    if not _is_directory(converted):
        _delete(home / CONVERTING)
        return False
    new = next((one for one in Format if (converted / f"{_TARGET}{one}").is_dir()), None)
    if new is None:
        if any(converted.iterdir()):
            raise ConversionError(f"{CONVERTED} is not the directory of a conversion")
        clean(home)
        return False
    if new is Format.SDBOX and new in found(home):
        _refuse_changed(home)
        _retire(home)
        clean(home)
        return True
    if new is Format.MAILDIR and Format.SDBOX not in found(home):
        clean(home)
        return True
    if new is Format.MAILDIR:
        _refuse_changed(home)
        for name in _maildir(home):
            _delete(home / name)
    clean(home)
    return False


def _retire(home: Path) -> None:
    """Move a maildir away beside which an sdbox was published."""
    for name in _maildir(home):
        (home / name).rename(home / CONVERTED / name)


def _refuse_changed(home: Path) -> None:
    """Nobody uses the maildir beside an sdbox, but a version that does not know sdbox."""
    begun_ns = max(path.stat().st_mtime_ns for path in home.glob(f"{CONVERTED}/{_TARGET}*"))
    for name in _maildir(home):
        for entry in _walk(home / name) if _is_directory(home / name) else ():
            is_message = entry.name[:1].isdigit() and not entry.is_dir(follow_symlinks=False)
            if is_message and entry.stat(follow_symlinks=False).st_ctime_ns > begun_ns:
                raise ConversionError(BOTH)


def _maildir(home: Path) -> list[str]:
    """The names of a maildir; that which tells the format last, so that it has all the others."""
    names = sorted(os.listdir(home))  # noqa: PTH208 - only names are needed
    folders = [name for name in names if _FOLDER.fullmatch(name) and _is_directory(home / name)]
    files = [name for name in names if _FILES.fullmatch(name)]
    return [*folders, *files, *(name for name in reversed(_MAILDIR) if name in names)]


def _walk(place: Path) -> Iterator["os.DirEntry[str]"]:
    try:
        entries = os.scandir(place)
    except FileNotFoundError:
        return
    with entries:
        for entry in entries:
            yield entry
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(Path(entry.path))


def _is_directory(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _is_in_the_way(path: Path) -> bool:
    return os.path.lexists(path) and not _is_directory(path)


def _delete(path: Path) -> None:
    if not _is_directory(path):
        path.unlink(missing_ok=True)
        return
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(path)
