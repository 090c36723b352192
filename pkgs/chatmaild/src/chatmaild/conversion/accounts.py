"""Convert accounts, some at a time: copies of all of them, then each of them alone."""

import contextlib
import logging
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from chatmaild.address import Address
from chatmaild.conversion import lease, places, room
from chatmaild.conversion.contents import Fingerprint, Known, compare, fingerprint
from chatmaild.conversion.tools import Copies, Sessions
from chatmaild.errors import BusyError, ChatmaildError, ConversionError, ToolError
from chatmaild.store.files import sync_file_system, write_atomically
from chatmaild.store.mail.formats import Format
from chatmaild.store.mailboxes import Mailboxes

_log = logging.getLogger(__name__)

# why the conversion of an account failed; for the operator
FAILED: Final = "conversion-failed"
_DIRECTORY_MODE: Final = 0o700
_FULL: Final = "the disk has no room for a second copy of it"
# Copies of what has changed, until one takes so long at most: the last one, for which people wait,
# will take about as long
_PASSES: Final = 6
_SHORT_S: Final = 0.5
_RENEWAL_S: Final = 600.0
# how often a mailbox is taken that is not done within lease.LONGEST_S, with so much time in between
_ATTEMPTS: Final = 5
_PAUSE_S: float = 5.0


@dataclass(slots=True)
class Result:
    """Numbers of accounts, and how long one was out of use at most."""

    converted: int = 0
    failed: int = 0
    # deleted meanwhile, or have the format already
    others: int = 0
    longest_s: float = field(default=0, compare=False)


@dataclass(slots=True)
class _Account:
    """An account with a copy; the directory stays open, so that no other one gets its number."""

    address: Address
    home: Path
    descriptor: int
    copied: Fingerprint | None = None
    known: Known = field(default_factory=Known)

    def is_there(self) -> bool:
        """Whether it was not deleted, and perhaps made again."""
        try:
            return os.path.samestat(os.fstat(self.descriptor), self.home.lstat())
        except FileNotFoundError:
            return False


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

        An account is out of use for some 100 ms, and for `lease.LONGEST_S` at most. Then its
        sessions have ended: clients connect again, and see what they saw before.

        Raises:
            ToolError: Dovecot's tool does not work; no account was converted.
            OSError: the disk fails.
        """
        with contextlib.ExitStack() as stack:
            accounts = []
            for address in addresses:
                with self._noting(address):
                    if account := self._prepared(address):
                        stack.callback(os.close, account.descriptor)
                        accounts.append(account)
            published = [account for account in self._copied(accounts) if self._switch(account)]
            if published:
                sync_file_system(self.mailboxes.directory)
            for account in published:
                with self._noting(account.address):
                    places.clean(account.home)
                    self.result.converted += 1

    @contextlib.contextmanager
    def _noting(self, address: Address) -> Iterator[None]:
        """Note why it fails; an account that was deleted meanwhile does not fail."""
        try:
            yield
        except ToolError:
            raise
        except (ChatmaildError, OSError) as error:
            if not self.mailboxes.exists(address):
                self._forget(address)
            elif isinstance(error, ChatmaildError):
                self._fail(address, str(error))
            else:
                self._fail(address, f"the disk says: {error.strerror or type(error).__name__}")

    def _prepared(self, address: Address) -> _Account | None:
        home = self.mailboxes.path(address)
        with self.mailboxes.alone(address) as is_there:
            if not is_there:
                self.result.others += 1
                return None
            places.recover(home)
            found = places.found(home)
            if len(found) > 1:
                raise ConversionError(places.BOTH)
            if not found:
                (home / self.wanted.directory).mkdir(mode=_DIRECTORY_MODE, exist_ok=True)
                self.result.converted += 1
            elif found == [self.wanted]:
                self.result.others += 1
            else:
                (home / places.CONVERTING).mkdir(mode=_DIRECTORY_MODE)
                flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
                return _Account(address, home, os.open(home, flags))
            (home / FAILED).unlink(missing_ok=True)
        return None

    def _copied(self, accounts: Sequence[_Account]) -> Iterator[_Account]:
        """Copy them at once; one at a time if there is no room for all, or one fails."""
        ready = []
        for account in accounts:
            with self._noting(account.address):
                account.copied = self._fingerprint(account)
                ready.append(account)
        if not ready:
            return
        try:
            if room.is_short(self.mailboxes.directory, [room.size_of(one.home) for one in ready]):
                raise ConversionError(_FULL)
            self._copy(ready)
        except ToolError:
            raise
        except (ChatmaildError, OSError):
            if len(ready) > 1:
                for account in ready:
                    yield from self._copied([account])
                return
            with self._noting(ready[0].address):
                raise
            return
        yield from ready

    def _copy(self, accounts: Sequence[_Account]) -> None:
        self.copies.copy([str(one.address.account) for one in accounts], self.wanted)
        sync_file_system(self.mailboxes.directory)

    def _copy_rest(self, account: _Account, within_s: float) -> None:
        self.copies.copy_rest(str(account.address.account), self.wanted, within_s=within_s)

    def _switch(self, account: _Account) -> bool:
        with self._noting(account.address):
            for attempt in range(1, _ATTEMPTS + 1):
                self._renew(account)
                try:
                    is_done = self._take(account)
                except ToolError:
                    raise
                except (BusyError, ConversionError) as error:
                    if attempt == _ATTEMPTS:
                        raise
                    _log.info("storage: a mailbox is tried again: %s", error)
                    self._begin_anew(account)
                    time.sleep(_PAUSE_S)
                    continue
                if not is_done:
                    self._forget(account.address)
                return is_done
        return False

    def _renew(self, account: _Account) -> None:
        """Copy again what has changed, so that little is left when nobody can use the mailbox.

        Raises:
            ConversionError: the copy is not complete, although nothing has changed.
        """
        for _ in range(_PASSES):
            now = self._fingerprint(account)
            is_done = now == account.copied and self._is_complete(account)
            if is_done or not account.is_there():
                return
            is_first, account.copied = account.copied is None, now
            if is_first:
                self._copy([account])
                continue
            started_s = time.monotonic()
            try:
                self._copy_rest(account, _RENEWAL_S)
            except ToolError:
                raise
            except ConversionError:
                continue  # it may have changed meanwhile
            if time.monotonic() - started_s < _SHORT_S:
                break
        if self._fingerprint(account) == account.copied:
            self._check(account)

    def _begin_anew(self, account: _Account) -> None:
        """Remove a copy that Dovecot's tool may have left in the middle of a change."""
        account.copied, account.known = None, Known()
        for path in (account.home / places.CONVERTING).iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def _take(self, account: _Account) -> bool:
        address, home = account.address, account.home
        with self.mailboxes.alone(address) as is_there:
            if not is_there or not account.is_there():
                return False
            with self._alone(account) as held:
                now = self._fingerprint(account)
                if now != account.copied:
                    self._copy_rest(account, held.left_s)
                    account.copied = None
                self._check(account)
                self._publish(home)
            (home / FAILED).unlink(missing_ok=True)
        return True

    @contextlib.contextmanager
    def _alone(self, account: _Account) -> Iterator[lease.Lease]:
        old = places.other(self.wanted)
        started_s = time.monotonic()
        try:
            with lease.taken(
                account.home, old, lambda: self.sessions.end_of(account.address)
            ) as held:
                yield held
        finally:
            took_s = time.monotonic() - started_s
            self.result.longest_s = max(self.result.longest_s, took_s)

    def _publish(self, home: Path) -> None:
        try:
            places.publish(home, self.wanted)
        except BaseException:
            places.recover(home)
            raise

    def _fingerprint(self, account: _Account) -> Fingerprint:
        return fingerprint(account.home, places.other(self.wanted))

    def _is_complete(self, account: _Account) -> bool:
        try:
            self._check(account)
        except (ConversionError, FileNotFoundError):
            return False  # it may have changed while it was copied
        return True

    def _check(self, account: _Account) -> None:
        """Compare, and let no message expire later in its new format than in the old one."""
        old, new = account.home, account.home / places.CONVERTING
        is_back = self.wanted is Format.MAILDIR
        pairs = compare(*((new, old) if is_back else (old, new)), account.known)
        for in_maildir, in_sdbox in pairs:
            mine, copied = (in_sdbox, in_maildir) if is_back else (in_maildir, in_sdbox)
            if copied in account.known.settled:
                continue
            # in a maildir, an earlier time is that of the message, which clients see
            if copied.time_s > mine.time_s or (copied.time_s != mine.time_s and not is_back):
                os.utime(copied.path, (mine.time_s, mine.time_s))
            account.known.settled.add(copied)

    def _forget(self, address: Address) -> None:
        """Remove what Dovecot's tool wrote for an account that was deleted, or made again."""
        self.result.others += 1
        shutil.rmtree(self.mailboxes.path(address) / places.CONVERTING, ignore_errors=True)
        with contextlib.suppress(OSError):
            self.mailboxes.remove_leftover(address)

    def _fail(self, address: Address, reason: str) -> None:
        self.result.failed += 1
        home = self.mailboxes.path(address)
        shutil.rmtree(home / places.CONVERTING, ignore_errors=True)  # nothing expires in it
        with contextlib.suppress(OSError):
            write_atomically(home / FAILED, f"{reason}\n".encode())
