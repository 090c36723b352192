"""Where the parts of an account are during its conversion, and how it goes on after a crash.

    converting/   the mailbox in its new format, written beside the old one
    converted/    the old mailbox: moved there before the new one gets its place

    1. copy       Dovecot writes `converting`; the account is in use
    2. block      a file has the name of the new directory: new processes of Dovecot wait
                  (pkgs/preload/mailbox-format.c); then the sessions of the account end
    3. freeze     the old mailbox moves to `converted`: nothing can change it any more
    4. publish    the new one moves from `converting` to its place
    5. clean      `converted` is deleted

Files named as the directories of the old format stay in their place until step 5. A delivery that
still has the old mailbox open would make the directories again; with these it fails, and Dovecot
answers with a temporary error.
Each step is a sequence of renames, so after a crash the directories tell what was done.
"""

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from chatmaild.errors import ConversionError
from chatmaild.store.mail.formats import Format, format_of

CONVERTING: Final = "converting"
CONVERTED: Final = "converted"
# the directories whose names stay occupied; that which tells the format first
_DIRECTORIES: Final = {Format.MAILDIR: ("cur", "new", "tmp"), Format.SDBOX: ("mailboxes",)}
# Dovecot's files of a maildir's INBOX, and the list of folders, which Dovecot makes anew
_FILES: Final = re.compile(
    r"dovecot-uidlist|dovecot-keywords|dovecot\.index(\..*)?|maildirsize|maildirfolder"
    r"|dovecot\.list\.index(\..*)?"
)
_FOLDER: Final = re.compile(r"\.[^.].*")
# doveadm's plugin for Sieve, which the relay has not
_SIEVE: Final = ("sieve/tmp", "sieve")


def other(one: Format) -> Format:
    """The format to which a mailbox of that format is converted."""
    return Format.SDBOX if one is Format.MAILDIR else Format.MAILDIR


def block(home: Path, old: Format) -> None:
    """Let new processes of Dovecot wait; `recover` or `publish` ends it.

    Raises:
        OSError: the disk fails.
    """
    (home / CONVERTED).mkdir(mode=0o700)
    _occupy(home / other(old).directory)


def freeze(home: Path, old: Format) -> None:
    """Move the mailbox to `converted`, after `block`.

    Raises:
        ConversionError: a process writes a new one again and again.
        OSError: the disk fails.
    """
    converted = home / CONVERTED
    for name in _DIRECTORIES[old]:
        (home / name).mkdir(mode=0o700, exist_ok=True)
        (home / name).rename(converted / name)
        _occupy(home / name)
    for name in _more(home, old):
        with contextlib.suppress(FileNotFoundError):  # a temporary file of Dovecot
            (home / name).rename(converted / name)


def unfreeze(home: Path, old: Format) -> None:
    """Move the mailbox back from `converted`, from which nothing was published.

    Raises:
        OSError: the disk fails.
    """
    converted = home / CONVERTED
    for name in [*_more(converted, old), *reversed(_DIRECTORIES[old])]:
        if not (converted / name).exists():
            continue
        if (home / name).is_dir():
            _give_back(home / name, converted / name)
        (home / name).unlink(missing_ok=True)
        (converted / name).rename(home / name)
    shutil.rmtree(converted)
    for one in Format:
        _release(home, one)


def publish(home: Path, new: Format) -> None:
    """Move the new mailbox to its place; the rename of its first directory is the last one.

    Raises:
        OSError: the disk fails.
    """
    converting = home / CONVERTING
    for name in _DIRECTORIES[new]:
        (converting / name).mkdir(mode=0o700, exist_ok=True)
    _remove(home, new)
    for name in [*_more(converting, new), *reversed(_DIRECTORIES[new])]:
        (home / name).unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            (converting / name).rename(home / name)


def is_published(home: Path, old: Format) -> bool:
    """Whether the new mailbox of an account with a `converted` has its place."""
    return (home / other(old).directory).is_dir()


def clean(home: Path) -> None:
    """Delete the old mailbox and what is left of the copy.

    Raises:
        OSError: the disk fails.
    """
    for one in Format:
        _release(home, one)
    for name in _SIEVE:
        with contextlib.suppress(OSError):
            (home / name).rmdir()
    # the last one tells that something is left to do
    for name in (CONVERTING, CONVERTED):
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(home / name)


def frozen(home: Path) -> Format | None:
    """The format of the mailbox in `converted`; None if there is none."""
    if not (home / CONVERTED).is_dir():
        return None
    return format_of(home / CONVERTED)


def recover(home: Path) -> bool:
    """Complete or undo a conversion that was interrupted; what was copied stays for the next one.

    Returns:
        Whether the account has its new format.

    Raises:
        OSError: the disk fails.
    """
    if not (home / CONVERTED).is_dir():
        return False
    old = frozen(home)
    if old is None or is_published(home, old):
        # killed before the first rename, or after the last one
        done = old is not None
        if done or format_of(home) is not None:
            clean(home)
        return done
    new = other(old)
    for name in [*_more(home, new), *_DIRECTORIES[new]]:  # published in part
        if not (home / name).is_file() or name not in _DIRECTORIES[new]:
            with contextlib.suppress(OSError):
                (home / name).rename(home / CONVERTING / name)
    unfreeze(home, old)
    return False


def _occupy(place: Path) -> None:
    for _ in range(10):
        if place.is_file():
            return
        try:
            os.close(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            _remove_empty(place)
        else:
            return
    raise ConversionError("a process of Dovecot writes to the mailbox again and again")


def _give_back(place: Path, converted: Path) -> None:
    """Move messages of a directory that a process has made anew to those of the old one."""
    if place.name in _DIRECTORIES[Format.MAILDIR]:
        for path in place.iterdir():
            path.rename(converted / path.name)
    _remove_empty(place)


def _remove_empty(place: Path) -> None:
    """Remove directories that a process has made anew meanwhile; a message in them stays."""
    for _, _, files in os.walk(place):
        if any(re.fullmatch(r"u\.\d+|\d.*", name) for name in files):
            raise ConversionError("a message arrived while the mailbox moved")
    shutil.rmtree(place, ignore_errors=True)


def _release(home: Path, one: Format) -> None:
    for name in _DIRECTORIES[one]:
        if (home / name).is_file():
            (home / name).unlink()


def _remove(home: Path, one: Format) -> None:
    """Remove what a process that had an older mailbox open has left of that format."""
    for name in [*_more(home, one)]:
        with contextlib.suppress(NotADirectoryError):
            shutil.rmtree(home / name)
            continue
        (home / name).unlink(missing_ok=True)


def _more(home: Path, one: Format) -> Iterator[str]:
    """The names that belong to the mailbox, besides the directories that tell its format."""
    for name in sorted(os.listdir(home)):  # noqa: PTH208 - only names are needed
        is_folder = _FOLDER.fullmatch(name) and (home / name).is_dir()
        if one is Format.SDBOX:
            if name.startswith("dovecot.list.index"):
                yield name
        elif is_folder or _FILES.fullmatch(name):
            yield name
