"""Message files of a maildir, with its folders (Maildir++)."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

_SIZE = re.compile(r",S=(\d+)")
_FOLDER_PARTS = ("cur", "new", "tmp")


@dataclass(frozen=True, slots=True)
class Message:
    """A file of a maildir.

    Attributes:
        part: `cur`, `new` or `tmp`.
        time_s: when it was stored, unix seconds.
        size_bytes: of the message itself, which may be stored compressed.
    """

    path: str
    part: str
    time_s: float
    size_bytes: int


def scan(mailbox: str) -> Iterator[Message]:
    """All message files of a mailbox with its folders (Maildir++: `.NAME/` beside `cur`)."""
    yield from _scan_folder(mailbox)
    try:
        entries = list(os.scandir(mailbox))
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.name.startswith(".") and entry.is_dir(follow_symlinks=False):
            yield from _scan_folder(entry.path)


def _scan_folder(folder: str) -> Iterator[Message]:
    for part in _FOLDER_PARTS:
        try:
            entries = os.scandir(f"{folder}/{part}")
        except (FileNotFoundError, NotADirectoryError):
            continue
        with entries:
            for entry in entries:
                if message := _message(entry, part):
                    yield message


def _message(entry: "os.DirEntry[str]", part: str) -> Message | None:
    try:
        if not entry.is_file(follow_symlinks=False):
            return None
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        # Dovecot has renamed or removed it meanwhile
        return None
    found = _SIZE.search(entry.name)
    size_bytes = int(found[1]) if found else status.st_size
    return Message(entry.path, part, _stored_s(entry.name, status.st_mtime), size_bytes)


def _stored_s(name: str, modified_s: float) -> float:
    """The earlier of the time in the name and that of the file.

    Moving a message to another folder gives it a new name; a client can give it any file time.
    """
    digits = name.partition(".")[0]
    named = digits.isascii() and digits.isdigit() and len(digits) <= 11
    return min(float(digits), modified_s) if named else modified_s
