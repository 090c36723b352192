"""Message files of a maildir, and which of them have to go."""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from chatmaild.settings import Retention
from chatmaild.store.mailboxes import DAY_S

_SIZE = re.compile(r",S=(\d+)")
_MEGABYTE = 1 << 20
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


def too_old(message: Message, retention: Retention, now_s: float) -> bool:
    """Whether its time is over; large messages have less of it once they were seen (`cur`)."""
    age_s = now_s - message.time_s
    if age_s > retention.delete_after_days * DAY_S:
        return True
    large = message.size_bytes > retention.large_message_bytes and message.part == "cur"
    return large and age_s > retention.delete_large_after_days * DAY_S


def over_quota(messages: Iterable[Message], retention: Retention, now_s: float) -> list[Message]:
    """The oldest messages that must go when the mailbox is beyond its first limit (75 %), until it
    is at the second (70 %); nothing that arrived within the last day.
    """
    by_age = sorted(messages, key=lambda message: message.time_s)
    used_bytes = sum(message.size_bytes for message in by_age)
    percent_bytes = retention.quota_megabytes * _MEGABYTE / 100
    if used_bytes <= retention.quota_warn_percent * percent_bytes:
        return []
    target_bytes = retention.quota_clean_percent * percent_bytes
    youngest_s = now_s - retention.quota_keep_hours * 3600
    doomed = []
    for message in by_age:
        if used_bytes <= target_bytes or message.time_s > youngest_s:
            break
        doomed.append(message)
        used_bytes -= message.size_bytes
    return doomed
