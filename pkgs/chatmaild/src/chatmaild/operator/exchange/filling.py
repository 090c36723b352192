"""Write a mailbox that was read into a directory: a new one, or that of an address which exists.

Names of all messages that were imported are in `imported`, beside the password: a message that its
owner moved or deleted in the meantime does not come back when an import is repeated.
"""

import contextlib
import secrets
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from chatmaild.operator.exchange import content
from chatmaild.operator.exchange.home import content_of, files_of, locked, note_imported, put
from chatmaild.operator.exchange.source import FLAGS, KEYWORDS, Source, identity
from chatmaild.operator.exchange.upstream.mailbox import PARTS, OldMessage
from chatmaild.store.files import fsync_directory
from chatmaild.store.fullness import NEARLY_FULL
from chatmaild.store.mail import uidlist
from chatmaild.store.mail.uidlist import Uidlist


@dataclass(slots=True)
class Filled:
    """What came: messages, their bytes, and flags of messages that came before."""

    messages: int = 0
    size_bytes: int = 0
    flags: int = 0


class Staged(NamedTuple):
    """A message in `tmp`; `base` is its name here without flags."""

    path: Path
    base: str
    size_bytes: int
    message: OldMessage


class Filler:
    """Writes the messages of one mailbox; a message that is here, or came before, is left out.

    Args:
        source: the mailbox in the tree.
        home: the directory to write into, which exists.
        in_use: the account exists, so that others use the directory, and each file must be on disk.
    """

    def __init__(self, source: Source, home: Path, *, in_use: bool) -> None:
        self._in_use = in_use
        self._source = source
        self._home = home
        self._imported = source.imported
        self._came: set[str] = set()
        # of messages that came: where they are, and their size
        self._placed: list[tuple[Path, str, int]] = []
        self.result = Filled()

    def fill(self) -> None:
        """Write all folders, then the names of what came.

        Raises:
            BusyError: Dovecot keeps the lock of a folder.
            OSError: the disk is full or fails; the messages written before that stay.
        """
        is_complete = False
        try:
            for folder, messages in self._source.by_folder().items():
                self._fill_folder(folder, messages)
            is_complete = self._source.is_complete
        finally:
            state = self._source.state() if is_complete else None
            note_imported(self._home, self._came, self._source.oldest_s, state, self._in_use)
        if self.result.messages:
            for name in ("maildirsize", NEARLY_FULL):
                (self._home / name).unlink(missing_ok=True)

    def wrong(self) -> int:
        """Look again: how many messages that came have another size, or are not there.

        In a directory that is in use its owner may have deleted or moved them.
        """
        is_new = not self._in_use
        places = {place: files_of(place) for place, _, _ in self._placed}
        number = 0
        for place, base, size_bytes in self._placed:
            name = places[place].get(base)
            try:
                number += is_new if name is None else (place / name).stat().st_size != size_bytes
            except FileNotFoundError:
                number += is_new
        return number

    def _fill_folder(self, folder: str, messages: list[OldMessage]) -> None:
        place = self._home / folder
        # the home itself is not made again: its owner may have deleted the address
        for part in ("", "cur", "new", "tmp") if folder else ("cur", "new", "tmp"):
            (place / part).mkdir(mode=0o700, exist_ok=True)
        here = files_of(place)
        names = {message.base for message in messages} | here.keys()
        there = self._source.uids(folder, messages, names)
        new = [m for m in messages if m.base not in here and self._source.is_new(m, there)]
        staged = self._stage(folder, new, names)
        # also those of an import that was killed before it wrote their names
        self._came |= {identity(m, there) for m in messages if m.base in here}
        if self._in_use and not staged and not self._changed(place, messages):
            return
        try:
            with locked(place):
                self._place(folder, staged, there)
                self._add_flags(place, self._changed(place, messages))
        finally:
            for left in staged:
                left.path.unlink(missing_ok=True)
        self._came |= {identity(one.message, there) for one in staged}

    def _stage(self, folder: str, messages: list[OldMessage], taken: Set[str]) -> list[Staged]:
        """Copy messages to `tmp`, where no client sees them; give them names that are free."""
        staged = []
        names = set(taken)
        for message in messages:
            path = self._home / folder / "tmp" / f"import-{secrets.token_hex(8)}"
            size_bytes = self._source.copy(message, path, durable=self._in_use)
            if size_bytes is None:
                continue
            base = content.sized_name(message.base, size_bytes)
            if base != message.base and base in names:
                base = content.unique_name(base)
            names.add(base)
            staged.append(Staged(path, base, size_bytes, message))
            self.result.size_bytes += size_bytes
        return staged

    def _place(self, folder: str, staged: list[Staged], there: Uidlist | None) -> None:
        """Give the messages their names and UIDs; Dovecot does not look meanwhile."""
        place = self._home / folder
        has_keywords = self._place_keywords(folder)
        here = uidlist.parse(content_of(place / uidlist.FILE))
        placed = {one.message.base: one.base for one in staged}
        merged = uidlist.merge(there, here, placed, imported=self._imported)
        self._rename(place, merged.renamed)
        for path, base, size_bytes, message in staged:
            flags = "".join(f for f in message.flags if f.isupper() or has_keywords)
            suffix = f":2,{flags}" if message.part == "cur" else ""
            path.rename(place / message.part / f"{base}{suffix}")
            self._placed.append((place, base, size_bytes))
            self.result.messages += 1
        if self._in_use:
            for part in PARTS:
                fsync_directory(place / part)
        if merged.uidlist is not None and merged.uidlist != here:
            put(place / uidlist.FILE, merged.uidlist.text(), durable=self._in_use)

    def _place_keywords(self, folder: str) -> bool:
        """Write the list of keywords if none is; whether lower-case flags mean the same here."""
        there = self._source.keywords(folder)
        path = self._home / folder / KEYWORDS
        here = content_of(path)
        if there and here is None:
            put(path, there, durable=self._in_use)
            return True
        return there == here

    @staticmethod
    def _rename(place: Path, bases: Set[str]) -> None:
        """Give messages new names, for which Dovecot gives new UIDs."""
        names = files_of(place)
        for base in bases:
            if base not in names:
                continue
            path = place / names[base]
            flags = path.name.partition(":")[2]
            name = content.unique_name(base)
            with contextlib.suppress(FileNotFoundError):
                path.rename(path.with_name(f"{name}:{flags}" if flags else name))

    def _changed(self, place: Path, messages: list[OldMessage]) -> list[tuple[OldMessage, str]]:
        """Messages that got flags at the other relay since an earlier import, and their files."""
        before = [m for m in messages if m.base in self._imported and set(m.flags) & FLAGS]
        names = files_of(place) if before else {}
        return [
            (message, names[message.base])
            for message in before
            if message.base in names and _more_flags(message, names[message.base])
        ]

    def _add_flags(self, place: Path, changed: list[tuple[OldMessage, str]]) -> None:
        for message, name in changed:
            flags = {*name.partition(":2,")[2], *_more_flags(message, name)}
            target = place / "cur" / f"{message.base}:2,{''.join(sorted(flags))}"
            with contextlib.suppress(FileNotFoundError):
                (place / name).rename(target)
                self.result.flags += 1


def _more_flags(message: OldMessage, name: str) -> set[str]:
    return (set(message.flags) & FLAGS) - set(name.partition(":2,")[2])
