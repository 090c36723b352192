"""Import the mailboxes of a tree, one after the other.

An address that does not exist here is written under a temporary name, and gets its own when it is
complete: nobody can create it in the middle. One that came with an earlier import gets what is new.
One that exists and never came may belong to another person: it gets nothing.
"""

import enum
import secrets
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from chatmaild.address import Address
from chatmaild.errors import BusyError, UntakenError
from chatmaild.operator.cluster.place import is_nowhere_else
from chatmaild.operator.exchange.filling import Filler
from chatmaild.operator.exchange.home import (
    put,
    read_imported,
    read_state,
    write_marks,
    write_subscriptions,
    write_tokens,
)
from chatmaild.operator.exchange.sdbox.adding import Adder
from chatmaild.operator.exchange.source import Source
from chatmaild.operator.exchange.upstream.layout import NO_MAILBOXES, address_of, is_good_hash
from chatmaild.operator.exchange.upstream.mailbox import OldMailbox, read
from chatmaild.operator.exchange.upstream.tree import Directory, Untaken
from chatmaild.settings import Settings
from chatmaild.store.files import fsync_directory, sync_file_system, write_atomically
from chatmaild.store.mail.doveadm import Doveadm
from chatmaild.store.mail.formats import Format, format_of
from chatmaild.store.mail.locks import DIRECTORY_MODE
from chatmaild.store.mailboxes import (
    DAY_S,
    IMPORTED,
    PASSWORD,
    TRASH_PREFIX,
    Mailboxes,
    floor_to_day,
)
from chatmaild.store.tokens import valid_tokens
from chatmaild.store.tombstones import Tombstones

# deleted by chatmail-expire if an import is killed
STAGE_PREFIX: Final = f"{TRASH_PREFIX}import-"
UNVERIFIABLE: Final = "a kind of password hash that no login here verifies: chatmail address passwd"
# mailboxes that come to disk together
_BATCH: Final = 200


class Kind(enum.Enum):
    """What an import does with an address; the value says it in a list."""

    NEW = "new"
    KNOWN = "imported before"
    TAKEN = "exists here and was not imported, which may be another person"
    DELETED = "deleted here lately"
    INACTIVE = "not logged in for too long"
    ELSEWHERE = "may have its place on another store: import there, too"
    UNREADABLE = "password file missing or not readable"
    DAMAGED = "not on disk as they were written: is the disk sound?"
    BUSY = "locked by Dovecot, import again"


@dataclass(slots=True)
class Result:
    """What an import did; `wrong` messages are not on disk with their size."""

    kinds: Counter[Kind] = field(default_factory=Counter)
    messages: int = 0
    size_bytes: int = 0
    flags: int = 0
    wrong: int = 0


class Importer:
    """Imports mailboxes into this relay."""

    def __init__(
        self, settings: Settings, untaken: Untaken, *, now_s: float, into_existing: bool = False
    ) -> None:
        self._settings = settings
        self._mailboxes = Mailboxes.of(settings)
        self._tombstones = Tombstones.of(settings)
        self._untaken = untaken
        self._now_s = now_s
        self._into_existing = into_existing
        self._dovecot = Doveadm(settings.sockets.doveadm)
        self._staged: list[tuple[Path, OldMailbox, Filler]] = []
        self.result = Result()

    def kind(self, old: OldMailbox | None) -> Kind:
        """What an import does with a mailbox.

        Raises:
            OSError: this relay's files cannot be read.
        """
        if old is None:
            return Kind.UNREADABLE
        here = self._mailboxes.password_hash(old.address)
        if here is not None:
            is_same = bool(here) and here == old.encoded
            came = is_same or self._mailboxes.has(old.address, IMPORTED)
            return Kind.KNOWN if came or self._into_existing else Kind.TAKEN
        if self._tombstones.has(old.address, now_s=self._now_s):
            return Kind.DELETED
        days = self._settings.retention.delete_inactive_after_days
        if floor_to_day(old.last_login_s) < self._now_s - days * DAY_S:
            return Kind.INACTIVE
        return Kind.NEW if is_nowhere_else(self._settings, str(old.address)) else Kind.ELSEWHERE

    def take(self, source: Directory, address: Address) -> None:
        """Import a mailbox, and count what came; a new one comes with the next `flush`."""
        old = read(source, address, self._untaken)
        kind = self.kind(old)
        if old is not None and kind is Kind.NEW:
            self._stage(source, old)
            if len(self._staged) >= _BATCH:
                self.flush()
            return
        if old is not None and kind is Kind.KNOWN:
            try:
                self._add(source, old)
            except BusyError:
                kind = Kind.BUSY
            except FileNotFoundError:
                if self._mailboxes.exists(old.address):
                    raise
                kind = Kind.DELETED
        self._settle(address, kind, old)

    def _settle(self, address: Address, kind: Kind, old: OldMailbox | None) -> None:
        self.result.kinds[kind] += 1
        if kind not in (Kind.NEW, Kind.KNOWN):
            self._untaken.add(str(address), kind.value)
        elif old is not None and not is_good_hash(old.encoded):
            self._untaken.add(str(address), UNVERIFIABLE)

    def _stage(self, source: Directory, old: OldMailbox) -> None:
        """Write a new mailbox under a temporary name."""
        home = self._new_stage()
        filler = Filler(self._source(source, old, home), home, in_use=False)
        self._staged.append((home, old, filler))
        filler.fill()
        write_subscriptions(home, old.subscriptions, durable=False)
        write_marks(home, old, now_s=self._now_s)
        write_tokens(home, self._valid_tokens(old), durable=False)
        if not (home / IMPORTED).exists():
            put(home / IMPORTED, b"", durable=False)
        put(
            home / PASSWORD,
            old.encoded.encode("ascii") + (b"\n" if old.encoded else b""),
            durable=False,
            modified_s=floor_to_day(min(old.last_login_s, self._now_s)),
        )

    def _new_stage(self) -> Path:
        stage = self._mailboxes.directory / f"{STAGE_PREFIX}{secrets.token_hex(8)}"
        stage.mkdir(mode=DIRECTORY_MODE)
        return stage

    def flush(self) -> None:
        """Bring the new mailboxes to disk, look at them again, and give them their names.

        Raises:
            OSError: the disk is full or fails.
        """
        if not self._staged:
            return
        # one for all: a file of its own to disk takes milliseconds
        sync_file_system(self._mailboxes.directory)
        while self._staged:
            home, old, filler = self._staged[-1]
            try:
                kind = self._adopt(home, old, filler)
            except BusyError:
                kind = Kind.BUSY
            self._settle(old.address, kind, old)
            self._drop(self._staged.pop()[0])
        fsync_directory(self._mailboxes.directory)

    def _adopt(self, home: Path, old: OldMailbox, filler: Filler) -> Kind:
        if wrong := filler.wrong():
            self.result.wrong += wrong
            return Kind.DAMAGED
        # it may have been created, and even deleted, since its messages were copied
        if (kind := self.kind(old)) is not Kind.NEW:
            return kind
        if not self._mailboxes.adopt(old.address, home):
            return Kind.TAKEN
        self._count(filler)
        return Kind.NEW

    def close(self) -> None:
        """Remove what was not completed, and end the connection to Dovecot."""
        self._dovecot.close()
        while self._staged:
            self._drop(self._staged.pop()[0])

    @staticmethod
    def _drop(home: Path) -> None:
        shutil.rmtree(home, ignore_errors=True)

    def _add(self, source: Directory, old: OldMailbox) -> None:
        """Add what is new to an address that came before; its password stays as it is here."""
        home = self._mailboxes.path(old.address)
        found = self._source(source, old, home)
        if read_state(home) != found.state():
            # the lock keeps the mailbox in its format
            with self._mailboxes.alone(old.address) as is_there:
                if not is_there:
                    raise FileNotFoundError(home)
                self._fill(found, home)
        if not self._mailboxes.has(old.address, IMPORTED):
            write_atomically(home / IMPORTED, b"")
        write_subscriptions(home, old.subscriptions, durable=True)
        write_tokens(home, self._valid_tokens(old), durable=True)
        login_s = min(old.last_login_s, self._now_s)
        if floor_to_day(login_s) > (self._mailboxes.last_login_s(old.address) or 0):
            self._mailboxes.record_login(old.address, now_s=login_s)

    def _fill(self, source: Source, home: Path) -> None:
        filler: Filler | Adder
        if format_of(home) is Format.SDBOX:
            stage = self._new_stage()
            filler = Adder(source, home, self._untaken, self._dovecot, stage / "message")
        else:
            stage = None
            filler = Filler(source, home, in_use=True)
        try:
            filler.fill()
        finally:
            self._count(filler)
            if stage:
                self._drop(stage)
        self.result.wrong += filler.wrong()

    def _source(self, directory: Directory, old: OldMailbox, home: Path) -> Source:
        return Source(
            *(directory, old, self._settings, self._untaken),
            imported=read_imported(home),
            now_s=self._now_s,
        )

    def _valid_tokens(self, old: OldMailbox) -> dict[str, int]:
        days = self._settings.push.token_valid_days
        return {t: old.tokens[t] for t in valid_tokens(old.tokens, self._now_s, days)}

    def _count(self, filler: Filler | Adder) -> None:
        self.result.messages += filler.result.messages
        self.result.size_bytes += filler.result.size_bytes
        self.result.flags += filler.result.flags


def remove_stages(settings: Settings) -> None:
    """Remove what a killed import left."""
    for path in Path(settings.directories.mail).glob(f"{STAGE_PREFIX}*"):
        shutil.rmtree(path, ignore_errors=True)


def addresses(mail: Directory, domain: str, untaken: Untaken) -> Iterator[Address]:
    """Yield the addresses of a mail directory; names of anything else are counted."""
    for name in mail.names():
        if name in NO_MAILBOXES or name.startswith("."):
            continue
        address = address_of(name, domain)
        if address is None:
            untaken.add(name, f"not an address of @{domain}" if "@" in name else "no mailbox")
        else:
            yield address


def import_all(
    mail: Directory, found: Iterable[Address], importer: Importer, untaken: Untaken
) -> Iterator[None]:
    """Import mailboxes; yield after each.

    Raises:
        OSError: the disk is full or fails; what came before that stays.
    """
    try:
        for address in found:
            try:
                with mail.directory(str(address)) as source:
                    if source is not None:
                        importer.take(source, address)
            except UntakenError as error:
                untaken.add(str(address), str(error))
            yield
        importer.flush()
    finally:
        importer.close()
