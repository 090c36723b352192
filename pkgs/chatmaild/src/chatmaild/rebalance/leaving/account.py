"""Move one account to another store, which takes it out of use for a moment.

    1. copy       the account is in use
    2. lease      no other process has the mailbox open, see conversion/lease.py; who asks about the
                  account waits, see store/mail/moving.py
    3. difference what has changed since the copy
    4. commit     the other store has the account
    5. removal    this store has it no more

Until 4 a kill leaves the account in use here. From then on this store asks the other one whether it
has the account: `recovery`.
"""

import contextlib
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from chatmaild.address import Address
from chatmaild.conversion import lease
from chatmaild.conversion.places import CONVERTED, CONVERTING
from chatmaild.errors import BusyError, MovingError, RebalanceError, StoreDownError
from chatmaild.rebalance import news, tree
from chatmaild.rebalance.leaving import recovery
from chatmaild.rebalance.leaving.copying import Copy
from chatmaild.rebalance.leaving.recovery import Question
from chatmaild.rebalance.peer import Peer
from chatmaild.store.mail.formats import format_of
from chatmaild.store.mail.moving import MOVING, Departed
from chatmaild.store.mailboxes import Mailboxes

_DIRECTORY_MODE: Final = 0o700
# Copies of what has changed, until one takes so long at most: the last one, for which people wait,
# will take about as long
_PASSES: Final = 6
_SHORT_S: Final = 0.5
# how often a mailbox is taken that others keep open
_ATTEMPTS: Final = 3
_PAUSE_S: float = 1.0
# for the answer to a question; without one, recovery goes on asking
_SETTLE_S: Final = 2.0


@dataclass(slots=True)
class Mover:
    """Moves accounts of this store; for several threads.

    Attributes:
        prepare: makes the end of its sessions quick, before nobody can use the account.
        end_sessions: ends the sessions of an account.
        pending: the accounts with a notification that waits.
        longest_s: how long an account was out of use at most.
    """

    mailboxes: Mailboxes
    departed: Departed
    pending: news.Pending
    end_sessions: Callable[[Address], None]
    prepare: Callable[[], None] = lambda: None
    longest_s: float = field(default=0.0)

    def move(self, address: Address, peer: Peer) -> bool:
        """Move an account; False if there is none.

        Raises:
            BusyError: others keep it open.
            StoreDownError: the other store gives no answer.
            RebalanceError: the account cannot move.
            OSError: the disk fails.
        """
        home = self.mailboxes.path(address)
        with self.mailboxes.alone(address) as is_there:
            if not is_there:
                return False
            _refuse_converted(home)
            self.mailboxes.is_usable(address)
            (home / MOVING).mkdir(mode=_DIRECTORY_MODE, exist_ok=True)
            descriptor = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            return _Move(self, address, peer, home, descriptor).run()
        finally:
            os.close(descriptor)
            # with a question in it, it stays
            with contextlib.suppress(OSError):
                (home / MOVING).rmdir()


class _Move:
    """One account; the directory stays open, so that no other one gets its number."""

    def __init__(
        self, mover: Mover, address: Address, peer: Peer, home: Path, descriptor: int
    ) -> None:
        self._mover = mover
        self._address = address
        self._peer = peer
        self._home = home
        self._descriptor = descriptor
        self._question = Question(peer.name, secrets.token_hex(16))
        self._copy = Copy(home, self._question.number, peer)

    def run(self) -> bool:
        """Move the account; False if it was deleted meanwhile."""
        found = tree.read(self._home)
        size = {"bytes": tree.size_bytes(found), "files": len(found)}
        self._peer.tell("/begin", self._content() | size)
        is_moved = False
        try:
            is_moved = self._attempts()
        finally:
            # recovery asks which store has the account
            if not is_moved and not recovery.is_open(self._home):
                with contextlib.suppress(StoreDownError, RebalanceError):
                    recovery.is_committed(self._peer, self._question)
        return is_moved

    def _attempts(self) -> bool:
        for attempt in range(1, _ATTEMPTS + 1):
            self._renew()
            try:
                return self._take()
            except (StoreDownError, MovingError):
                raise
            except BusyError:
                if attempt == _ATTEMPTS:
                    raise
            time.sleep(_PAUSE_S)
        return False

    def _renew(self) -> None:
        for _ in range(_PASSES):
            started_s = time.monotonic()
            self._copy.renew()
            if time.monotonic() - started_s < _SHORT_S:
                break
        # so that little is left to flush when nobody can use the account
        self._peer.ask("/flush", b"")
        self._mover.prepare()

    def _take(self) -> bool:
        mover, home = self._mover, self._home
        with mover.mailboxes.alone(self._address) as exists:
            if not exists or not self._is_there():
                return False
            _refuse_converted(home)
            one = format_of(home)
            if one is None:
                raise RebalanceError("it has no mailbox")
            started_s = time.monotonic()
            try:
                with lease.taken(
                    home, one, lambda: mover.end_sessions(self._address), gate=MOVING
                ) as held:
                    if not self._is_there():
                        return False
                    self._hand_over(held)
                    trash = recovery.leave(mover.mailboxes, mover.departed, self._address)
            finally:
                mover.longest_s = max(mover.longest_s, time.monotonic() - started_s)
        recovery.clean(trash, self._peer, self._question)
        return True

    def _hand_over(self, held: lease.Lease) -> None:
        found = self._copy.renew(end_s=held.end_s)
        wakes = news.is_recent(self._home) or self._mover.pending.has(self._address)
        within_s = held.left_s
        recovery.write(self._home, self._question)
        content = self._content() | {"digest": tree.digest(found), "news": wakes}
        try:
            self._peer.tell("/commit", content, within_s=within_s, repeats=False)
        except RebalanceError:
            recovery.drop(self._home)
            raise
        except StoreDownError:
            # the answer alone may be lost
            if not recovery.is_committed(self._peer, self._question, within_s=_SETTLE_S):
                recovery.drop(self._home)
                raise

    def _content(self) -> dict[str, Any]:
        return {"id": self._question.number, "address": str(self._address.account)}

    def _is_there(self) -> bool:
        """Whether it was not deleted, and perhaps made again."""
        with contextlib.suppress(FileNotFoundError):
            return os.path.samestat(os.fstat(self._descriptor), self._home.lstat())
        return False


def _refuse_converted(home: Path) -> None:
    if any(os.path.lexists(home / name) for name in (CONVERTING, CONVERTED)):
        raise RebalanceError("it is being converted to another format")
