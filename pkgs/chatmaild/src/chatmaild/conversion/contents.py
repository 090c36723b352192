"""What is in a mailbox: whether it changed, and whether its copy is complete."""

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from chatmaild.errors import ConversionError
from chatmaild.store import maildir
from chatmaild.store.mail import sdbox, uidlist
from chatmaild.store.mail.formats import Format

_KEYWORDS: Final = "dovecot-keywords"
_PARTS: Final = ("cur", "new")
INBOX: Final = "INBOX"
_MESSAGE: Final = re.compile(r"u\.[1-9][0-9]{0,9}")
# Start of a message file (Dovecot 2.4, src/lib-storage/index/dbox-common/dbox-file.h): a line of
# the file, then the header of the message, with the size of the message in hexadecimal digits
_HEAD_BYTES: Final = 256
_HEAD: Final = re.compile(
    rb"2 M[0-9A-Fa-f]+ C[0-9A-Fa-f]+\n\x01\x02N .{8} ([0-9A-Fa-f]{16})", re.DOTALL
)

# By folder: in a maildir, names and flags of the messages, and what the flags mean; in an sdbox,
# names of the messages, and size and time of its indexes, which have the flags.
Fingerprint = dict[str, tuple[frozenset[tuple[str, str]], bytes]]
_INDEXES: Final = ("dovecot.index", sdbox.LOG)


@dataclass(frozen=True, slots=True)
class Stored:
    """A message file; `time_s` is the time of storage in Unix seconds."""

    path: str
    size_bytes: int
    time_s: float


@dataclass(slots=True)
class Known:
    """What earlier comparisons of an account have read: files of messages do not change.

    Attributes:
        listed: UIDs by folder and name of a maildir.
        copied: by path and inode of an sdbox.
        settled: files of the copy whose time of storage is right.
    """

    listed: dict[tuple[str, str], tuple[int, Stored]] = field(default_factory=dict)
    copied: dict[tuple[str, int], Stored] = field(default_factory=dict)
    settled: set[Stored] = field(default_factory=set)


def fingerprint(home: Path, format_: Format) -> Fingerprint:
    """The messages and flags of a mailbox: two that are equal have the same content.

    Raises:
        OSError: it cannot be read.
    """
    if format_ is Format.SDBOX:
        return {one.path: (_listed(one), _indexes(one)) for one in sdbox.folders(str(home))}
    return {
        _name(home, folder): (frozenset(_named(folder)), _content(f"{folder}/{_KEYWORDS}"))
        for folder in maildir.folders(str(home))
    }


def compare(
    root_of_maildir: Path, root_of_sdbox: Path, known: Known
) -> list[tuple[Stored, Stored]]:
    """Pairs of the files of each message, in maildir and sdbox.

    Args:
        known: what earlier comparisons have read; this one adds to it.

    Raises:
        ConversionError: a message is in one of them only, or has another size.
        OSError: a mailbox cannot be read.
    """
    ours = _folders_of_maildir(root_of_maildir, known)
    theirs = _folders_of_sdbox(root_of_sdbox, known)
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


def _folders_of_maildir(root: Path, known: Known) -> dict[str, dict[int, Stored]]:
    return {
        _name(root, folder): _messages_of_maildir(folder, known)
        for folder in maildir.folders(str(root))
        if os.path.isdir(f"{folder}/cur")  # noqa: PTH112 - for each mailbox
    }


def _messages_of_maildir(folder: str, known: Known) -> dict[int, Stored]:
    entries = {
        entry.name.partition(":")[0]: entry
        for part in _PARTS
        for entry in _entries(f"{folder}/{part}")
    }
    new = {base for base in entries if (folder, base) not in known.listed}
    if new:
        listed = uidlist.parse(_content(f"{folder}/{uidlist.FILE}"), new)
        for base in new:
            row = listed.rows.get(base) if listed else None
            if row is None:
                raise ConversionError("a message has no UID yet")
            known.listed[folder, base] = row.uid, _stored(entries[base], base)
    return dict(known.listed[folder, base] for base in entries)


def _stored(entry: "os.DirEntry[str]", base: str) -> Stored:
    status = entry.stat()
    sized = maildir.SIZE.search(base)
    size_bytes = int(sized[1]) if sized else status.st_size
    return Stored(entry.path, size_bytes, maildir.stored_s(base, status.st_mtime))


def _folders_of_sdbox(root: Path, known: Known) -> dict[str, dict[int, Stored]]:
    start = f"{root}/{sdbox.ROOT}/"
    return {
        folder.path.removeprefix(start).removesuffix(f"/{sdbox.MESSAGES}"): {
            int(entry.name[2:]): _copied(entry, known)
            for entry in _entries(folder.path)
            if _MESSAGE.fullmatch(entry.name)
        }
        for folder in sdbox.folders(str(root))
    }


def _copied(entry: "os.DirEntry[str]", known: Known) -> Stored:
    key = entry.path, entry.inode()
    if key not in known.copied:
        time_s = entry.stat(follow_symlinks=False).st_mtime
        known.copied[key] = Stored(entry.path, _size_bytes(entry.path), time_s)
    return known.copied[key]


def _size_bytes(path: str) -> int:
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - for each message
        found = _HEAD.match(file.read(_HEAD_BYTES) or b"")
    if found is None:
        raise ConversionError("a message file of an sdbox cannot be read")
    return int(found[1], 16)


def _listed(folder: sdbox.Folder) -> frozenset[tuple[str, str]]:
    return frozenset((entry.name, "") for entry in _entries(folder.path) if entry.name[:2] == "u.")


def _indexes(folder: sdbox.Folder) -> bytes:
    found = []
    for name in _INDEXES:
        with contextlib.suppress(FileNotFoundError):
            status = os.stat(f"{folder.path}/{name}")  # noqa: PTH116 - for each mailbox
            found.append((name, status.st_ino, status.st_size, status.st_mtime_ns))
    return repr(found).encode()


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
