"""Convert accounts, some at a time: copies of all of them, then each of them alone."""

import contextlib
import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from chatmaild.address import Address
from chatmaild.conversion import places
from chatmaild.conversion.contents import Fingerprint, compare, fingerprint, remove_orphans
from chatmaild.errors import BusyError, ChatmaildError, ConversionError
from chatmaild.store.files import sync_file_system, write_atomically
from chatmaild.store.mail.formats import Format, format_of
from chatmaild.store.mailboxes import Mailboxes

# why the conversion of an account failed; for the operator
FAILED: Final = "conversion-failed"
_DIRECTORY_MODE: Final = 0o700
_BOTH: Final = (
    "it has mailboxes in both formats: an older version ran after the conversion, and its messages"
    " are in cur and new"
)


class Copies(Protocol):
    """Writes copies of mailboxes: `dovecot.Doveadm`."""

    def copy(self, accounts: Sequence[str], wanted: Format) -> None:
        """Write or renew `converting` of accounts that are in use."""

    def copy_frozen(self, home: Path, wanted: Format) -> None:
        """Renew `converting` of an account whose mailbox is in `converted`."""


class Sessions(Protocol):
    """Ends the sessions of accounts that have some."""

    def end(self, addresses: Iterable[Address]) -> None:
        """Return after they have ended."""

    def end_of(self, address: Address) -> None:
        """Return after those of one account have ended."""


@dataclass(slots=True)
class Result:
    """Numbers of accounts."""

    converted: int = 0
    failed: int = 0
    # deleted meanwhile, or have the format already
    others: int = 0


@dataclass(slots=True)
class Converter:
    """Converts accounts to one format."""

    mailboxes: Mailboxes
    wanted: Format
    copies: Copies
    sessions: Sessions
    result: Result = field(default_factory=Result)

    def convert(self, addresses: Sequence[Address]) -> None:
        """Convert accounts; one that fails keeps its format and a file with the reason.

        An account is out of use for some milliseconds, or for some 100 ms if it changed since it
        was copied. Then its sessions end: clients connect again, and see what they saw before.

        Raises:
            ConversionError: Dovecot's tool does not work; no account was converted.
            OSError: the disk is full or fails.
        """
        waiting = [one for one in addresses if self._has_to(one)]
        before = {one: self._fingerprint(one) for one in waiting}
        names = [str(one.account) for one in waiting]
        if names:
            self.copies.copy(names, self.wanted)
            sync_file_system(self.mailboxes.directory)
        published = []
        for address in waiting:
            try:
                is_done = self._switch(address, before[address])
            except FileNotFoundError:
                if self.mailboxes.exists(address):
                    raise
                is_done = False
            except ChatmaildError as error:
                self._fail(address, str(error))
                continue
            if is_done:
                published.append(address)
            else:
                self.result.others += 1
        self._finish(published)

    def _has_to(self, address: Address) -> bool:
        home = self.mailboxes.path(address)
        try:
            with self.mailboxes.alone(address) as is_there:
                if not is_there:
                    self.result.others += 1
                    return False
                places.recover(home)
                found = [one for one in Format if (home / one.directory).is_dir()]
                if not found:
                    (home / self.wanted.directory).mkdir(mode=_DIRECTORY_MODE, exist_ok=True)
                    self.result.converted += 1
                    return False
                if len(found) > 1:
                    self._fail(address, _BOTH)
                    return False
                if found == [self.wanted]:
                    self.result.others += 1
                    return False
                (home / places.CONVERTING).mkdir(mode=_DIRECTORY_MODE, exist_ok=True)
        except (BusyError, ConversionError) as error:
            self._fail(address, str(error))
            return False
        return True

    def _fingerprint(self, address: Address) -> Fingerprint | None:
        """None if only Dovecot could tell: an sdbox has flags in its index."""
        if self.wanted is Format.MAILDIR:
            return None
        return fingerprint(self.mailboxes.path(address))

    def _switch(self, address: Address, before: Fingerprint | None) -> bool:
        home = self.mailboxes.path(address)
        old = places.other(self.wanted)
        complete = self._is_complete(home) if before is not None else False
        with self.mailboxes.alone(address) as is_there:
            if not is_there:
                return False
            places.block(home, old)
            try:
                # a session could create a folder of the old format, which nobody would see
                self.sessions.end_of(address)
                places.freeze(home, old)
                converted = home / places.CONVERTED
                if not complete or fingerprint(converted) != before:
                    self.copies.copy_frozen(home, self.wanted)
                    if self.wanted is Format.SDBOX:
                        remove_orphans(converted, home / places.CONVERTING)
                    self._check(converted, home / places.CONVERTING)
                places.publish(home, self.wanted)
            except BaseException:
                places.recover(home)
                raise
        (home / FAILED).unlink(missing_ok=True)
        return True

    def _is_complete(self, home: Path) -> bool:
        try:
            self._check(home, home / places.CONVERTING)
        except (ConversionError, FileNotFoundError):
            return False  # it may have changed while it was copied
        return True

    def _check(self, old: Path, new: Path) -> None:
        """Compare, and give messages of an sdbox the times by which they expire."""
        is_back = self.wanted is Format.MAILDIR
        pairs = compare(new, old) if is_back else compare(old, new)
        if not is_back:
            for mine, copied in pairs:
                os.utime(copied.path, (mine.time_s, mine.time_s))

    def _finish(self, published: Sequence[Address]) -> None:
        if not published:
            return
        self.sessions.end(published)
        sync_file_system(self.mailboxes.directory)
        for address in published:
            with contextlib.suppress(FileNotFoundError):
                places.clean(self.mailboxes.path(address))
            self.result.converted += 1

    def _fail(self, address: Address, reason: str) -> None:
        self.result.failed += 1
        home = self.mailboxes.path(address)
        shutil.rmtree(home / places.CONVERTING, ignore_errors=True)  # nothing expires in it
        with contextlib.suppress(OSError):
            write_atomically(home / FAILED, f"{reason}\n".encode())


def waiting(mailboxes: Mailboxes, wanted: Format) -> list[Address]:
    """The accounts that do not have the format yet, and those that were interrupted.

    Raises:
        OSError: the mail directory cannot be read.
    """
    found = []
    for address in mailboxes.addresses():
        home = mailboxes.path(address)
        with contextlib.suppress(OSError):
            is_open = (home / places.CONVERTED).is_dir() or (home / FAILED).exists()
            if is_open or format_of(home) is not wanted:
                found.append(address)
    return found


def recover(mailboxes: Mailboxes, addresses: Iterable[Address]) -> None:
    """Complete or undo what was interrupted; the accounts can be used afterwards.

    Raises:
        OSError: the disk fails.
    """
    for address in addresses:
        with contextlib.suppress(FileNotFoundError), mailboxes.alone(address) as is_there:
            if is_there:
                places.recover(mailboxes.path(address))
