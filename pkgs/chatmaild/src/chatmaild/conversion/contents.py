"""What is in a mailbox: whether it changed, and whether its copy is complete."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chatmaild.errors import ConversionError
from chatmaild.store import maildir
from chatmaild.store.mail import sdbox, uidlist

_KEYWORDS: Final = "dovecot-keywords"
_PARTS: Final = ("cur", "new")
INBOX: Final = "INBOX"
# Start of a message file (Dovecot 2.4, src/lib-storage/index/dbox-common/dbox-file.h): a line of
# the file, then the header of the message, with the size of the message in hexadecimal digits
_HEAD_BYTES: Final = 256
_HEAD: Final = re.compile(
    rb"2 M[0-9A-Fa-f]+ C[0-9A-Fa-f]+\n\x01\x02N .{8} ([0-9A-Fa-f]{16})", re.DOTALL
)

# names of message files and their flags, and the meaning of the flags, by folder
Fingerprint = dict[str, tuple[frozenset[tuple[str, str]], bytes]]


@dataclass(frozen=True, slots=True)
class Stored:
    """A message file; `time_s` is the time of storage in Unix seconds."""

    path: str
    size_bytes: int
    time_s: float


def fingerprint(root: Path) -> Fingerprint:
    """The messages and flags of a maildir: two that are equal have the same content.

    Raises:
        OSError: it cannot be read.
    """
    return {
        _name(root, folder): (frozenset(_named(folder)), _content(f"{folder}/{_KEYWORDS}"))
        for folder in maildir.folders(str(root))
    }


def compare(root_of_maildir: Path, root_of_sdbox: Path) -> list[tuple[Stored, Stored]]:
    """Pairs of the files of each message, in maildir and sdbox.

    Raises:
        ConversionError: a message is in one of them only, or has another size.
        OSError: a mailbox cannot be read.
    """
    ours = _folders_of_maildir(root_of_maildir)
    theirs = _folders_of_sdbox(root_of_sdbox)
    # Dovecot makes an INBOX when it is used first
    if ours.keys() | {INBOX} != theirs.keys() | {INBOX}:
        raise ConversionError("the copy has other folders")
    pairs = []
    for name in ours.keys() | theirs.keys():
        mine, copied = ours.get(name, {}), theirs.get(name, {})
        if mine.keys() != copied.keys():
            missing, more = len(mine.keys() - copied.keys()), len(copied.keys() - mine.keys())
            raise ConversionError(
                f"maildir and sdbox differ: {missing} messages are in the maildir only,"
                f" {more} in the sdbox only"
            )
        pairs += [(mine[uid], copied[uid]) for uid in mine]
    if any(one.size_bytes != two.size_bytes for one, two in pairs):
        raise ConversionError("a message has another size in the copy")
    return pairs


def remove_orphans(root_of_maildir: Path, root_of_sdbox: Path) -> None:
    """Remove message files of a copy that are not in its index: a process was killed.

    Its next run did not know them, so they are messages that were deleted from the maildir since.

    Raises:
        ConversionError, OSError: see `compare`.
    """
    ours = _folders_of_maildir(root_of_maildir)
    for name, messages in _folders_of_sdbox(root_of_sdbox).items():
        for uid in messages.keys() - ours.get(name, {}).keys():
            os.unlink(messages[uid].path)  # noqa: PTH108 - as everywhere here


def _folders_of_maildir(root: Path) -> dict[str, dict[int, Stored]]:
    return {
        _name(root, folder): _messages_of_maildir(folder)
        for folder in maildir.folders(str(root))
        if os.path.isdir(f"{folder}/cur")  # noqa: PTH112 - for each mailbox
    }


def _messages_of_maildir(folder: str) -> dict[int, Stored]:
    listed = uidlist.parse(_content(f"{folder}/{uidlist.FILE}"))
    found = {}
    for part in _PARTS:
        for entry in _entries(f"{folder}/{part}"):
            base = entry.name.partition(":")[0]
            row = listed.rows.get(base) if listed else None
            if row is None:
                raise ConversionError("a message has no UID yet")
            status = entry.stat()
            sized = maildir.SIZE.search(base)
            size_bytes = int(sized[1]) if sized else status.st_size
            time_s = maildir.stored_s(base, status.st_mtime)
            found[row.uid] = Stored(entry.path, size_bytes, time_s)
    return found


def _folders_of_sdbox(root: Path) -> dict[str, dict[int, Stored]]:
    found: dict[str, dict[int, Stored]] = {}
    start = f"{root}/{sdbox.ROOT}/"
    for folder in sdbox.folders(str(root)):
        name = folder.path.removeprefix(start).removesuffix(f"/{sdbox.MESSAGES}")
        found[name] = {
            message.uid: Stored(message.path, _size_bytes(message.path), message.time_s)
            for message in sdbox.messages(folder)
            if message.uid
        }
    return found


def _size_bytes(path: str) -> int:
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - for each message
        found = _HEAD.match(file.read(_HEAD_BYTES) or b"")
    if found is None:
        raise ConversionError("a message file of the copy cannot be read")
    return int(found[1], 16)


def _named(folder: str) -> Iterator[tuple[str, str]]:
    """Names and flags; Dovecot moves a file from `new` to `cur` when it has seen it."""
    for part in _PARTS:
        for entry in _entries(f"{folder}/{part}"):
            base, _, flags = entry.name.partition(":2,")
            yield base, "".join(sorted(flags))


def _entries(place: str) -> Iterator["os.DirEntry[str]"]:
    try:
        entries = os.scandir(place)
    except FileNotFoundError:
        return
    with entries:
        for entry in entries:
            if not entry.name.startswith("."):
                yield entry


def _content(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        return b""


def _name(root: Path, folder: str) -> str:
    """The path of a folder below `mailboxes`, of its directory in Maildir++."""
    below = folder.removeprefix(str(root)).lstrip("/").removeprefix(".")
    return below.replace(".", "/") or INBOX
