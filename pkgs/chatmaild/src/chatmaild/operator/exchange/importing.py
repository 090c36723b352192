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
from chatmaild.operator.exchange.filling import Filler
from chatmaild.operator.exchange.home import read_imported, write_subscriptions, write_tokens
from chatmaild.operator.exchange.upstream.layout import NO_MAILBOXES, address_of, is_good_hash
from chatmaild.operator.exchange.upstream.mailbox import OldMailbox, read
from chatmaild.operator.exchange.upstream.tree import Directory, Untaken
from chatmaild.settings import Settings
from chatmaild.store.files import write_atomically
from chatmaild.store.mailboxes import (
    DAY_S,
    DIRECTORY_MODE,
    DISABLED,
    ENFORCE_ENCRYPTION,
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


class Kind(enum.Enum):
    """What an import does with an address; the value says it in a list."""

    NEW = "new"
    KNOWN = "imported before"
    TAKEN = "exists here and was not imported, which may be another person"
    DELETED = "deleted here lately"
    INACTIVE = "not logged in for too long"
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
        return Kind.NEW

    def take(self, source: Directory, address: Address, result: Result) -> None:
        """Import a mailbox, and count what came."""
        old = read(source, address, self._untaken)
        kind = self.kind(old)
        try:
            if old is not None and kind is Kind.NEW:
                kind = self._create(source, old, result)
            if old is not None and kind is Kind.KNOWN:
                self._add(source, old, result)
        except BusyError:
            kind = Kind.BUSY
        result.kinds[kind] += 1
        if kind not in (Kind.NEW, Kind.KNOWN):
            self._untaken.add(str(address), kind.value)
        elif old is not None and not is_good_hash(old.encoded):
            self._untaken.add(str(address), "a kind of password hash that no login here verifies")

    def _create(self, source: Directory, old: OldMailbox, result: Result) -> Kind:
        home = self._mailboxes.directory / f"{STAGE_PREFIX}{secrets.token_hex(8)}"
        home.mkdir(mode=DIRECTORY_MODE)
        try:
            filler = self._filler(source, old, home)
            filler.fill()
            write_subscriptions(home, old.subscriptions)
            self._write_marks(home, old)
            write_tokens(home, self._valid_tokens(old))
            if not read_imported(home):
                write_atomically(home / IMPORTED, b"")
            write_atomically(
                home / PASSWORD,
                old.encoded.encode("ascii") + (b"\n" if old.encoded else b""),
                modified_s=floor_to_day(min(old.last_login_s, self._now_s)),
            )
            if wrong := filler.wrong(is_new=True):
                result.wrong += wrong
                return Kind.DAMAGED
            if not self._mailboxes.adopt(old.address, home):
                return self.kind(old)
        finally:
            shutil.rmtree(home, ignore_errors=True)
        self._count(filler, result)
        return Kind.NEW

    @staticmethod
    def _write_marks(home: Path, old: OldMailbox) -> None:
        for mark, is_set in (
            (ENFORCE_ENCRYPTION, old.enforces_encryption),
            (DISABLED, old.disabled),
        ):
            if is_set:
                (home / mark).touch(mode=0o600)

    def _add(self, source: Directory, old: OldMailbox, result: Result) -> None:
        """Add what is new to an address that came before; its password stays as it is here."""
        home = self._mailboxes.path(old.address)
        filler = self._filler(source, old, home)
        try:
            filler.fill()
        finally:
            self._count(filler, result)
        if not self._mailboxes.has(old.address, IMPORTED):
            write_atomically(home / IMPORTED, b"")
        write_subscriptions(home, old.subscriptions)
        write_tokens(home, self._valid_tokens(old))
        login_s = min(old.last_login_s, self._now_s)
        if floor_to_day(login_s) > (self._mailboxes.last_login_s(old.address) or 0):
            self._mailboxes.record_login(old.address, now_s=login_s)
        result.wrong += filler.wrong(is_new=False)

    def _filler(self, source: Directory, old: OldMailbox, home: Path) -> Filler:
        return Filler(source, old, home, self._settings, self._untaken, now_s=self._now_s)

    def _valid_tokens(self, old: OldMailbox) -> dict[str, int]:
        days = self._settings.push.token_valid_days
        return {t: old.tokens[t] for t in valid_tokens(old.tokens, self._now_s, days)}

    @staticmethod
    def _count(filler: Filler, result: Result) -> None:
        result.messages += filler.result.messages
        result.size_bytes += filler.result.size_bytes
        result.flags += filler.result.flags


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
    mail: Directory, found: Iterable[Address], importer: Importer, untaken: Untaken, result: Result
) -> Iterator[None]:
    """Import mailboxes; yield after each.

    Raises:
        OSError: the disk is full or fails; what came before that stays.
    """
    for address in found:
        try:
            with mail.directory(str(address)) as source:
                if source is not None:
                    importer.take(source, address, result)
        except UntakenError as error:
            untaken.add(str(address), str(error))
        yield
