"""Add new messages and flags to a mailbox in use, through Dovecot: its sessions go on.

A message keeps its identity (store/mail/dbox.py), so one that an interrupted import has saved is
found again. It keeps its UID, too, if that is free and UIDVALIDITY is the same.
"""

import contextlib
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from chatmaild.errors import DovecotError, FullError, UntakenError
from chatmaild.operator.exchange.filling import Filled
from chatmaild.operator.exchange.home import note_imported
from chatmaild.operator.exchange.sdbox.names import imap_flags, imap_name
from chatmaild.operator.exchange.source import FLAGS, Source, identity
from chatmaild.operator.exchange.upstream.mailbox import OldMessage
from chatmaild.operator.exchange.upstream.tree import Untaken
from chatmaild.store.fullness import NEARLY_FULL
from chatmaild.store.mail import dbox, sdbox
from chatmaild.store.mail.dbox import Stored
from chatmaild.store.mail.doveadm import Status
from chatmaild.store.mail.uidlist import Uidlist

_FULL: Final = "its mailbox is full here: import again later"
_REFUSED: Final = "Dovecot could not change its mailbox, and its log says why: import again"


class Dovecot(Protocol):
    """What Dovecot does here (store.mail.doveadm.Doveadm)."""

    def status(self, account: str, folder: str) -> Status: ...
    def flags(self, account: str, folder: str) -> dict[int, frozenset[str]]: ...
    def create(self, account: str, folder: str) -> None: ...
    def set_validity(self, account: str, folder: str, validity: int) -> None: ...
    def reserve_uids(self, account: str, folder: str, next_uid: int) -> None: ...
    def renumber(self, account: str, folder: str, uids: Iterable[int]) -> None: ...
    def expunge(self, account: str, folder: str, uids: Iterable[int]) -> None: ...
    def add_flags(
        self, account: str, folder: str, flags: Iterable[str], uids: Iterable[int]
    ) -> None: ...
    def save(
        self, account: str, folder: str, path: str, *, guid: str, received_s: int, uid: int | None
    ) -> None: ...


class Here(NamedTuple):
    """A message of this relay."""

    folder: str
    uid: int
    path: str
    stored: Stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What there is to do in a folder.

    Attributes:
        there: UIDs at the other relay.
        new: messages that never came.
        known: messages that came before and have flags.
        keywords: the other relay's list of keywords.
    """

    name: str
    there: Uidlist | None
    new: Sequence[OldMessage]
    known: Sequence[OldMessage]
    keywords: bytes | None

    def identity(self, message: OldMessage) -> str:
        return identity(message, self.there)


class Adder:
    """Adds what is new to the mailbox of one account.

    Args:
        source: the mailbox in the tree.
        home: the directory of the account.
        stage: a file for one message at a time, which Dovecot can read; it does not exist.
    """

    def __init__(
        self, source: Source, home: Path, untaken: Untaken, dovecot: Dovecot, stage: Path
    ) -> None:
        self._source = source
        self._home = home
        self._account = home.name
        self._untaken = untaken
        self._dovecot = dovecot
        self._stage = stage
        self._saved: set[str] = set()
        self._came: set[str] = set()
        self._sizes: dict[str, int] = {}
        self._wrong = 0
        self._is_full = False
        self.result = Filled()

    def fill(self) -> None:
        """Add all, then note what came.

        Raises:
            UntakenError: Dovecot refuses; what came before that stays.
            OSError: Dovecot does not answer, or the disk is full or fails.
        """
        is_complete = False
        try:
            for work in self._work():
                self._fill_folder(work)
            is_complete = self._source.is_complete and not self._is_full
            if self._is_full:
                self._untaken.add(self._account, _FULL)
        except DovecotError as error:
            raise UntakenError(_REFUSED) from error
        finally:
            state = self._source.state() if is_complete else None
            note_imported(self._home, self._came, self._source.oldest_s, state, durable=True)
        if self.result.messages:
            (self._home / NEARLY_FULL).unlink(missing_ok=True)

    def wrong(self) -> int:
        """How many messages that came have another size on disk."""
        return self._wrong

    def _work(self) -> Iterator[Work]:
        source = self._source
        for folder, messages in source.by_folder().items():
            there = source.uids(folder, messages, {message.base for message in messages})
            new = [message for message in messages if source.is_new(message, there)]
            before = [one for one in messages if self._is_known(one, there) and one.flags]
            known = [one for one in before if FLAGS & set(one.flags)]
            if new or known:
                keywords = source.keywords(folder)
                name = imap_name(folder)
                yield Work(name=name, there=there, new=new, known=known, keywords=keywords)

    def _is_known(self, message: OldMessage, there: Uidlist | None) -> bool:
        return not self._source.imported.isdisjoint({message.base, identity(message, there)})

    def _fill_folder(self, work: Work) -> None:
        if work.new and not self._is_full:
            try:
                self._add(work)
            except FullError:
                self._is_full = True
        found = {one.stored.identity: one for one in self._messages(work.name)}
        if not found:
            return
        has = self._flags(work)
        wanted: dict[frozenset[str], list[int]] = defaultdict(list)
        for message in (*work.new, *work.known):
            here = found.get(work.identity(message)) or found.get(message.base)
            if here is None:
                continue  # it was moved or deleted here
            is_new = message in work.new
            letters = message.flags if is_new else "".join(FLAGS & set(message.flags))
            if more := imap_flags(letters, work.keywords) - has.get(here.uid, frozenset()):
                wanted[more].append(here.uid)
                self.result.flags += not is_new
            if is_new:
                self._complete(message, here)
        for flags, uids in wanted.items():
            self._dovecot.add_flags(self._account, work.name, flags, uids)
        # the last step: an import that was interrupted before it begins again with this folder
        self._came |= self._saved & {work.identity(message) for message in work.new}

    def _flags(self, work: Work) -> dict[int, frozenset[str]]:
        """Those of messages that this import has not saved; the others have none."""
        if not work.known and all(work.identity(one) in self._sizes for one in work.new):
            return {}
        return self._dovecot.flags(self._account, work.name)

    def _complete(self, message: OldMessage, here: Here) -> None:
        """Set the time by which it expires; look at its size again."""
        with contextlib.suppress(FileNotFoundError):
            stored_s = min(message.time_s, self._source.now_s)
            os.utime(here.path, (stored_s, stored_s))
        expected = self._sizes.get(here.stored.identity)
        self._wrong += expected is not None and expected != here.stored.size_bytes

    def _add(self, work: Work) -> None:
        here = {one.stored.identity for one in self._messages()}
        # saved by an import that was interrupted before it noted them
        self._saved |= here & {work.identity(message) for message in work.new}
        missing = [one for one in work.new if work.identity(one) not in here]
        status = self._status(work)
        there = work.there if work.there and work.there.validity == status.validity else None

        def old_uid(message: OldMessage) -> int:
            row = there.rows.get(message.base) if there else None
            return row.uid if row and row.uid >= status.next_uid else 0

        next_uid = status.next_uid
        kept = sorted(filter(old_uid, missing), key=old_uid)
        for message in kept:
            self._save(work, message, old_uid(message))
            next_uid = old_uid(message) + 1
        if there and there.next_uid > next_uid:
            self._dovecot.reserve_uids(self._account, work.name, there.next_uid)
        for message in missing:
            if not old_uid(message):
                self._save(work, message, None)
        if there:
            self._show(work, there)

    def _status(self, work: Work) -> Status:
        """Of the folder, which gets the UIDVALIDITY of the other relay if it is created here."""
        known = {folder.name for folder in sdbox.folders(str(self._home))}
        if work.name not in known:
            if work.name != "INBOX":
                self._dovecot.create(self._account, work.name)
            status = self._dovecot.status(self._account, work.name)
            if work.there and status.next_uid == 1:
                self._dovecot.set_validity(self._account, work.name, work.there.validity)
        return self._dovecot.status(self._account, work.name)

    def _save(self, work: Work, message: OldMessage, uid: int | None) -> None:
        try:
            size_bytes = self._source.copy(message, self._stage, durable=False)
            if size_bytes is None:
                return
            name = work.identity(message)
            # Dovecot stores line ends as one byte
            self._sizes[name] = size_bytes - self._stage.read_bytes().count(b"\r\n")
            self._dovecot.save(
                self._account,
                work.name,
                str(self._stage),
                guid=name,
                received_s=int(min(message.modified_s, self._source.now_s)),
                uid=uid,
            )
        finally:
            self._stage.unlink(missing_ok=True)
        self._saved.add(name)
        self.result.messages += 1
        self.result.size_bytes += size_bytes

    def _show(self, work: Work, there: Uidlist) -> None:
        """Give new UIDs to messages of this relay whose UIDs clients saw at the other relay.

        They would take them for other messages, and not fetch them.
        """
        came = self._source.imported | self._saved
        came |= {work.identity(one) for one in self._source.by_folder()[self._folder(work)]}
        mine = [one for one in self._messages(work.name) if one.stored.identity not in came]
        shown = {one.stored.identity for one in mine if one.uid >= there.next_uid}
        hidden = [one for one in mine if one.uid < there.next_uid]
        twice = [one.uid for one in hidden if one.stored.identity in shown]
        if twice:  # an import was interrupted after the copy
            self._dovecot.expunge(self._account, work.name, twice)
        once = [one.uid for one in hidden if one.stored.identity not in shown]
        if once:
            self._dovecot.renumber(self._account, work.name, once)

    @staticmethod
    def _folder(work: Work) -> str:
        return work.new[0].folder

    def _messages(self, name: str | None = None) -> Iterator[Here]:
        """The messages of a folder, or of all."""
        for folder in sdbox.folders(str(self._home)):
            if name not in (None, folder.name):
                continue
            for message in sdbox.messages(folder):
                # damaged, or deleted meanwhile
                with contextlib.suppress(ValueError, FileNotFoundError):
                    if message.uid:
                        stored = dbox.read_file(message.path)
                        yield Here(folder.name, message.uid, message.path, stored)
