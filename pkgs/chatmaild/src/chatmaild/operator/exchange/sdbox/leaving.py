"""Write a mailbox that is sdbox as a maildir of upstream's Dovecot; the mailbox is only read.

Messages are read from their files, flags and UIDs from Dovecot. The name of a message is the same
in each export, so that an import of the next one knows what came before.
"""

import io
import os
import stat
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from dataclasses import replace
from pathlib import Path
from typing import Final, Protocol

from chatmaild.errors import DovecotError, UntakenError
from chatmaild.expire.retention import too_old
from chatmaild.operator.exchange.filling import Filled
from chatmaild.operator.exchange.home import files_of, put
from chatmaild.operator.exchange.sdbox.names import Keywords, maildir_folder, maildir_name
from chatmaild.operator.exchange.source import KEYWORDS
from chatmaild.operator.exchange.upstream.mailbox import PARTS
from chatmaild.operator.exchange.upstream.tree import Directory, Untaken
from chatmaild.settings import Settings
from chatmaild.store.mail import dbox, sdbox, uidlist
from chatmaild.store.mail.dbox import Stored
from chatmaild.store.mail.doveadm import Status
from chatmaild.store.mail.uidlist import Row, Uidlist
from chatmaild.store.maildir import Message

_RECENT: Final = r"\Recent"
_PIECE_BYTES: Final = 1 << 18
_NO_ANSWER: Final = "Dovecot could not read it, and its log says why: export again"


class Dovecot(Protocol):
    """What Dovecot knows (store.mail.doveadm.Doveadm)."""

    def status(self, account: str, folder: str) -> Status: ...
    def flags(self, account: str, folder: str) -> dict[int, frozenset[str]]: ...


class Leaver:
    """Writes the messages of one account.

    Args:
        source: the directory of the account.
        home: the directory to write into, which exists.
    """

    def __init__(
        self,
        source: Directory,
        account: str,
        home: Path,
        settings: Settings,
        untaken: Untaken,
        dovecot: Dovecot,
        *,
        now_s: float,
    ) -> None:
        self._source = source
        self._account = account
        self._home = home
        self._settings = settings
        self._untaken = untaken
        self._dovecot = dovecot
        self._now_s = now_s
        self._sizes: dict[Path, dict[str, int]] = {}
        self.result = Filled()

    def fill(self) -> None:
        """Write all folders.

        Raises:
            UntakenError: Dovecot cannot read the mailbox.
            OSError: Dovecot does not answer, or the disk is full or fails.
        """
        self._make("")
        folders = [names for names in self._folders((sdbox.ROOT,)) if self._has_place(names)]
        try:
            status = {names: self._dovecot.status(self._account, _name(names)) for names in folders}
            flags = {names: self._flags(names) for names in folders}
        except DovecotError as error:
            raise UntakenError(_NO_ANSWER) from error
        links = self._links(folders)
        for names in folders:
            self._fill_folder(names, status[names], flags[names], links)

    def _flags(self, names: tuple[str, ...]) -> dict[int, frozenset[str]]:
        """Flags by UID; Dovecot takes 10 ms for an answer, and many folders are empty."""
        if not any(name.startswith("u.") for name in self._entries(names)):
            return {}
        return self._dovecot.flags(self._account, _name(names))

    def wrong(self) -> int:
        """Look again: how many messages have another size, or are not there."""
        number = 0
        for place, sizes in self._sizes.items():
            found = files_of(place)
            for base, size_bytes in sizes.items():
                name = found.get(base)
                number += name is None or (place / name).stat().st_size != size_bytes
        return number

    def _folders(self, names: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        """The directories of folders below `mailboxes`, by their names."""
        with self._source.directory(*names) as directory:
            entries = directory.entries() if directory else {}
        for name, status in sorted(entries.items()):
            if not stat.S_ISDIR(status.st_mode):
                continue
            if name == sdbox.MESSAGES:
                yield names[1:]
            else:
                yield from self._folders((*names, name))

    def _has_place(self, names: tuple[str, ...]) -> bool:
        """Make the directory of a folder; False if another folder has its name there."""
        folder = maildir_folder(names)
        if folder and (self._home / folder).exists():
            name = f"{self._account}/{'/'.join(names)}"
            self._untaken.add(name, "a folder whose name another one has in a maildir")
            return False
        self._make(folder)
        return True

    def _make(self, folder: str) -> None:
        for part in ("", *PARTS, "tmp"):
            (self._home / folder / part).mkdir(mode=0o700, exist_ok=True)

    def _links(self, folders: list[tuple[str, ...]]) -> Counter[tuple[int, int]]:
        """How many names each file has; Dovecot links when a client copies a message."""
        found: Counter[tuple[int, int]] = Counter()
        for names in folders:
            for status in self._entries(names).values():
                found[status.st_dev, status.st_ino] += 1
        return found

    def _entries(self, names: tuple[str, ...]) -> dict[str, os.stat_result]:
        with self._source.directory(sdbox.ROOT, *names, sdbox.MESSAGES) as directory:
            return directory.entries() if directory else {}

    def _fill_folder(
        self,
        names: tuple[str, ...],
        status: Status,
        flags: dict[int, frozenset[str]],
        links: Counter[tuple[int, int]],
    ) -> None:
        folder = _Folder(self._home / maildir_folder(names))
        entries = self._entries(names)
        with self._source.directory(sdbox.ROOT, *names, sdbox.MESSAGES) as directory:
            for uid in sorted(flags):
                file = entries.get(f"u.{uid}")
                if directory is None or file is None or self._is_too_old(file, flags[uid]):
                    continue  # deleted meanwhile, or by the next run of chatmail-expire
                try:
                    number = links[file.st_dev, file.st_ino]
                    descriptor = directory.open(f"u.{uid}", links=number)
                    folder.write(descriptor, uid, file.st_mtime, flags[uid])
                except FileNotFoundError:
                    continue
                except ValueError as error:  # also an UntakenError
                    name = f"{self._account}/{'/'.join(names)}/u.{uid}"
                    self._untaken.add(name, str(error))
        folder.close(status, max(flags, default=0))
        self._sizes[folder.place] = folder.sizes
        self.result.messages += len(folder.sizes)
        self.result.size_bytes += sum(folder.sizes.values())

    def _is_too_old(self, file: os.stat_result, flags: Set[str]) -> bool:
        part = _part(flags)
        message = Message("", part, file.st_mtime, file.st_size)
        return too_old(message, self._settings.retention, self._now_s)


class _Folder:
    """A folder of the maildir; `sizes` of its messages, by their names without flags."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.sizes: dict[str, int] = {}
        self._keywords = Keywords()
        self._rows: dict[str, Row] = {}

    def write(self, descriptor: int, uid: int, stored_s: float, flags: Set[str]) -> None:
        """Write a message; closes the descriptor.

        Raises:
            ValueError: it is damaged.
            OSError: the disk is full or fails.
        """
        with os.fdopen(descriptor, "rb", buffering=0) as source:
            stored = dbox.read(descriptor)
            base = maildir_name(stored, stored_s)
            if base in self._rows:  # a copy in the same folder
                base = maildir_name(replace(stored, identity=f"{stored.identity}.U{uid}"), stored_s)
            part = _part(flags)
            suffix = f":2,{self._keywords.letters(flags)}" if part == "cur" else ""
            _copy(source, self.place / part / f"{base}{suffix}", stored)
        fields = "" if base == stored.identity else f" G{stored.identity}"
        self._rows[base] = Row(uid=uid, fields=fields, base=base)
        self.sizes[base] = stored.size_bytes

    def close(self, status: Status, last_uid: int) -> None:
        """Write the lists of keywords and UIDs."""
        if text := self._keywords.text():
            put(self.place / KEYWORDS, text, durable=False)
        listed = Uidlist(
            validity=status.validity,
            next_uid=max(status.next_uid, last_uid + 1),
            fields=f" G{status.guid}",
            rows=self._rows,
        )
        put(self.place / uidlist.FILE, listed.text(), durable=False)


def _part(flags: Set[str]) -> str:
    """Dovecot's `new`: no client has listed the message, and it has no flags."""
    return "new" if flags == {_RECENT} else "cur"


def _copy(source: io.FileIO, target: Path, stored: Stored) -> None:
    source.seek(stored.offset)
    left = stored.size_bytes
    written = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(written, "wb") as file:
        while left and (piece := source.read(min(left, _PIECE_BYTES))):
            file.write(piece)
            left -= len(piece)
        file.flush()
        os.utime(written, (stored.received_s, stored.received_s))


def _name(names: Sequence[str]) -> str:
    return "/".join(map(sdbox.decoded, names))
