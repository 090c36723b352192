"""Read a mailbox directory, of an upstream relay or of this one: their layout is the same."""

import os
import re
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from chatmaild.address import Address
from chatmaild.errors import UntakenError
from chatmaild.operator.exchange.upstream.layout import hash_here
from chatmaild.operator.exchange.upstream.tree import Directory, Untaken, kind
from chatmaild.store.mailboxes import DISABLED, ENFORCE_ENCRYPTION, METADATA, PASSWORD
from chatmaild.store.maildir import SIZE, Message, stored_s
from chatmaild.store.tokens import read_tokens

PARTS: Final = ("cur", "new")
SUBSCRIPTIONS: Final = "subscriptions"
# by what Dovecot and clients make: no control character, no blank, no `/`, at most 200 bytes
_NAME: Final = re.compile(
    "(?P<base>[!-,0-9;-~][!-.0-9;-~]{0,199})(?::2,(?P<flags>[A-Za-z]{0,60}))?"
)
_FOLDER: Final = re.compile(r"\.[ -.0-~]{1,200}")
_MOST_DIGITS: Final = 12
_PASSWORD_LIMIT: Final = 512
_METADATA_LIMIT: Final = 1 << 20
_SUBSCRIPTIONS_LIMIT: Final = 1 << 18


@dataclass(frozen=True, slots=True, kw_only=True)
class OldMessage:
    """A message file; `base` is its name without flags.

    Attributes:
        folder: directory of the folder, empty for INBOX.
        links: names of the file in this mailbox; Dovecot links when a client copies.
    """

    folder: str
    part: str
    name: str
    base: str
    flags: str
    time_s: float
    modified_s: float
    size_bytes: int
    links: int

    def facts(self) -> Message:
        """What the rules of retention look at."""
        return Message(self.name, self.part, self.time_s, self.size_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class OldMailbox:
    """A mailbox without its messages' content.

    Attributes:
        encoded: the password hash as it is stored here; empty for a blocked address.
        created_s: time of the flag that enforces encryption, which is written at the creation.
        folders: directories of folders, INBOX (empty) first.
    """

    address: Address
    encoded: str
    last_login_s: float
    enforces_encryption: bool
    created_s: float
    disabled: bool
    tokens: dict[str, int]
    subscriptions: bytes | None
    folders: tuple[str, ...]
    messages: tuple[OldMessage, ...]


def read(directory: Directory, address: Address, untaken: Untaken) -> OldMailbox | None:
    """Read a mailbox; None if it is no account, or its password cannot be read.

    Files that cannot be imported are counted in `untaken`.
    """
    entries = directory.entries()
    if PASSWORD not in entries:
        return None
    encoded = _small(directory, address, PASSWORD, _PASSWORD_LIMIT, untaken)
    if encoded is None:
        return None
    try:
        password = encoded.decode("ascii").strip()
    except UnicodeDecodeError:
        untaken.add(f"{address}/{PASSWORD}", "no password hash in it")
        return None
    metadata = _small(directory, address, METADATA, _METADATA_LIMIT, untaken)
    modified_s = entries[METADATA].st_mtime if METADATA in entries else 0
    enforced = entries.get(ENFORCE_ENCRYPTION)
    folders = ["", *_folders(entries, address, untaken)]
    messages = list(_messages(directory, address, folders, untaken))
    return OldMailbox(
        address=address,
        encoded=hash_here(password),
        last_login_s=entries[PASSWORD].st_mtime,
        enforces_encryption=enforced is not None,
        created_s=enforced.st_mtime if enforced else 0,
        disabled=DISABLED in entries,
        tokens=read_tokens(metadata or b"", modified_s),
        subscriptions=_small(directory, address, SUBSCRIPTIONS, _SUBSCRIPTIONS_LIMIT, untaken),
        folders=tuple(folders),
        messages=tuple(messages),
    )


def _small(
    directory: Directory, address: Address, name: str, limit_bytes: int, untaken: Untaken
) -> bytes | None:
    try:
        return directory.read(name, limit_bytes)
    except UntakenError as error:
        untaken.add(f"{address}/{name}", str(error))
        return None


def _folders(entries: dict[str, os.stat_result], address: Address, untaken: Untaken) -> list[str]:
    found = []
    for name, status in entries.items():
        if not name.startswith("."):
            continue
        if not stat.S_ISDIR(status.st_mode):
            # a temporary file of ours or of Dovecot, or a link
            if stat.S_ISLNK(status.st_mode):
                untaken.add(f"{address}/{name}", "a symbolic link")
        elif _FOLDER.fullmatch(name) and ".." not in name:
            found.append(name)
        else:
            untaken.add(f"{address}/{name}", "not the name of a folder")
    return sorted(found)


def _messages(
    directory: Directory, address: Address, folders: list[str], untaken: Untaken
) -> Iterator[OldMessage]:
    files = []
    for folder in folders:
        bases: set[str] = set()
        for part in PARTS:
            place = (folder, part) if folder else (part,)
            try:
                with directory.directory(*place) as opened:
                    entries = opened.entries() if opened else {}
            except UntakenError as error:
                untaken.add(f"{address}/{'/'.join(place)}", str(error))
                continue
            for name, status in sorted(entries.items()):
                if name.startswith("."):
                    continue
                found = _NAME.fullmatch(name)
                if problem := _problem(found, status, bases):
                    untaken.add(f"{address}/{'/'.join(place)}/{name}", problem)
                elif found:
                    bases.add(found["base"])
                    files.append((folder, part, found, status))
    links = Counter((status.st_dev, status.st_ino) for _, _, _, status in files)
    for folder, part, found, status in files:
        yield OldMessage(
            folder=folder,
            part=part,
            name=found[0],
            base=found["base"],
            flags=found["flags"] or "",
            time_s=stored_s(found["base"], status.st_mtime),
            modified_s=status.st_mtime,
            size_bytes=_size_bytes(found[0], status),
            links=links[status.st_dev, status.st_ino],
        )


def _size_bytes(name: str, status: os.stat_result) -> int:
    """The size of the message, which the name has where the file is compressed."""
    sized = SIZE.search(name)
    return int(sized[1]) if sized and len(sized[1]) <= _MOST_DIGITS else status.st_size


def _problem(found: re.Match[str] | None, status: os.stat_result, bases: set[str]) -> str | None:
    if found is None:
        return "not the name of a message"
    if not stat.S_ISREG(status.st_mode):
        return kind(status)
    if status.st_size == 0:
        return "empty"
    return "a second file of the same message" if found["base"] in bases else None
