"""Message files of an sdbox, Dovecot's format with one file per message.

MAIL/ADDRESS/mailboxes/FOLDER/dbox-Mails/    FOLDER is INBOX or another one; they may be nested
    u.UID                 a message; its modification time is the time of storage, which a client
                          cannot set, and stays when it is moved to another folder
    .temp.HOST.PID.N      a delivery that has not ended
    dovecot.index         flags and order of messages; the newest changes are in dovecot.index.log
    dovecot.index.cache   headers that clients asked for

A message that is not in the index does not exist for clients, and a file that the index names must
be there. So only Dovecot deletes messages (store/mail/doveadm.py). It makes a damaged index anew by
itself, but takes a missing one for that of an empty folder. Sources: Dovecot 2.4,
src/lib-storage/index/dbox-single and dbox-common, src/lib-index/mail-cache-private.h.
"""

import base64
import binascii
import os
import re
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from chatmaild.store.maildir import Message

ROOT: Final = "mailboxes"
MESSAGES: Final = "dbox-Mails"
LOG: Final = "dovecot.index.log"
CACHE: Final = "dovecot.index.cache"
# the `part` of messages, see retention.too_old; of deliveries that have not ended it is `tmp`
PART: Final = "sdbox"
_UID: Final = re.compile(r"u\.([1-9][0-9]{0,9})")
_UNFINISHED: Final = ".temp."
# Dovecot counts a line end as two bytes, and the file has one: a line of base64 has 76 and 1
_LINE_BYTES: Final = 77
# RFC 3501, section 5.1.3
_ENCODED: Final = re.compile("&([^-]*)-")
# Start of a cache file: version, sizes, index ID, sequence, records, used size, deleted records.
# Native byte order.
_CACHE_HEADER: Final = struct.Struct("=4xIIIII")


class Folder(NamedTuple):
    """A folder with its name in IMAP; `path` is the directory with its messages."""

    name: str
    path: str


def folders(mailbox: str) -> Iterator[Folder]:
    """All folders of a mailbox."""
    yield from _below(f"{mailbox}/{ROOT}", "")


def _below(directory: str, prefix: str) -> Iterator[Folder]:
    try:
        entries = list(os.scandir(directory))
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        if not entry.is_dir(follow_symlinks=False):
            continue
        if entry.name == MESSAGES:
            yield Folder(prefix, entry.path)
        else:
            name = decoded(entry.name)
            yield from _below(entry.path, f"{prefix}/{name}" if prefix else name)


def decoded(name: str) -> str:
    """The IMAP name in Unicode, of a directory in modified UTF-7."""

    def letters(found: re.Match[str]) -> str:
        if not found[1]:
            return "&"
        padded = found[1].replace(",", "/") + "=" * (-len(found[1]) % 4)
        return base64.b64decode(padded).decode("utf-16-be")

    try:
        return _ENCODED.sub(letters, name)
    except (binascii.Error, UnicodeDecodeError):
        return name


def scan(mailbox: str) -> Iterator[Message]:
    """All message files of a mailbox and its folders."""
    for folder in folders(mailbox):
        yield from messages(folder)


def messages(folder: Folder) -> Iterator[Message]:
    """The message files of a folder, and those of deliveries that have not ended."""
    try:
        entries = os.scandir(folder.path)
    except FileNotFoundError:
        return
    with entries:
        for entry in entries:
            found = _UID.fullmatch(entry.name)
            if not found and not entry.name.startswith(_UNFINISHED):
                continue
            try:
                if not entry.is_file(follow_symlinks=False):
                    continue
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue  # deleted or renamed meanwhile
            size_bytes = status.st_size + status.st_size // _LINE_BYTES
            uid = int(found[1]) if found else 0
            part = PART if found else "tmp"
            yield Message(entry.path, part, status.st_mtime, size_bytes, folder.name, uid)


def is_behind(folder: Folder, newest_s: float) -> bool:
    """Whether the index does not know the newest message, so that clients do not see it.

    A delivery writes the message, and then the log. A crash in between, a lost index, or a restored
    backup of a running relay leave messages that are newer than the log.

    Args:
        newest_s: time of the newest message that is not just being delivered.
    """
    try:
        return os.stat(f"{folder.path}/{LOG}").st_mtime < newest_s  # noqa: PTH116 - faster
    except FileNotFoundError:
        return True


def has_deleted_headers(folder: Folder) -> bool:
    """Whether the cache has headers of deleted messages; True if it cannot be read as a cache."""
    try:
        with open(f"{folder.path}/{CACHE}", "rb") as file:  # noqa: PTH123 - faster
            head = file.read(_CACHE_HEADER.size)
    except FileNotFoundError:
        return False
    return len(head) < _CACHE_HEADER.size or _CACHE_HEADER.unpack(head)[-1] > 0
