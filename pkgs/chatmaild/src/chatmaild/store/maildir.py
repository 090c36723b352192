"""Message files of a maildir and its folders (Maildir++)."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

SIZE: Final = re.compile(r",S=(\d+)")
_FOLDER_PARTS: Final = ("cur", "new", "tmp")


@dataclass(frozen=True, slots=True)
class Message:
    """A message file of a mailbox.

    Attributes:
        path: path of the file.
        part: `cur`, `new` or `tmp`; sdbox has others (sdbox.py).
        time_s: time of storage in Unix seconds.
        size_bytes: size of the message, before compression.
        folder: name in IMAP; of an sdbox only.
        uid: of an sdbox only; 0 for a delivery that has not ended.
    """

    path: str
    part: str
    time_s: float
    size_bytes: int
    folder: str = ""
    uid: int = 0


def scan(mailbox: str) -> Iterator[Message]:
    """All message files of a mailbox and its folders."""
    for folder in folders(mailbox):
        yield from _scan_folder(folder)


def folders(mailbox: str) -> Iterator[str]:
    """The directories of all folders (Maildir++: `.NAME/` beside `cur`)."""
    yield mailbox
    try:
        entries = list(os.scandir(mailbox))
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.name.startswith(".") and entry.is_dir(follow_symlinks=False):
            yield entry.path


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
        # Dovecot renamed or deleted it in the meantime
        return None
    found = SIZE.search(entry.name)
    size_bytes = int(found[1]) if found else status.st_size
    return Message(entry.path, part, stored_s(entry.name, status.st_mtime), size_bytes)


def stored_s(name: str, modified_s: float) -> float:
    """The earlier of the time in the name and the modification time.

    A move to another folder changes the name, and an IMAP client can set the modification time.
    """
    digits = name.partition(".")[0]
    named = digits.isascii() and digits.isdigit() and len(digits) <= 11
    return min(float(digits), modified_s) if named else modified_s
