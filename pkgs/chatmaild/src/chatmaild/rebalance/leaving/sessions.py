"""End the sessions of an account that is about to move, if it has any.

To end them takes a process of Dovecot and 0.1 s, and most accounts have none. So Dovecot lists all
accounts with sessions twice a second while accounts move. A session that began after the list is
still awake for a second: it has the mailbox locked (conversion/lease.py), or gets it no more.
"""

import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from chatmaild.address import Address
from chatmaild.settings import Settings
from chatmaild.store.mail.formats import format_of
from chatmaild.store.mailboxes import Mailboxes
from chatmaild.store.sessions import accounts_with_sessions, end_sessions

# sessions end within 0.1 s; what has not ended then has the mailbox still locked
_END_S: Final = 1.0
# a list is used for less than a session is awake
_MARGIN_S: Final = 0.2
_LIST_EVERY_S: Final = 0.5
# what a move needs of a list, mostly
_NEEDED_S: Final = 0.1
# on a busy machine a list takes longer than it is of use: then the sessions of each account end
_PREPARE_S: Final = 3.0


class Sessions:
    """The sessions of this store's accounts; for several threads.

    Args:
        list_all: returns the addresses with sessions.
        end_of: ends those of an account.
        awake_s: how long a session is awake at least.
    """

    def __init__(
        self,
        mailboxes: Mailboxes,
        list_all: Callable[[], frozenset[str]],
        end_of: Callable[[Address], None],
        *,
        awake_s: float,
    ) -> None:
        self._mailboxes = mailboxes
        self._list_all = list_all
        self._end_of = end_of
        self._valid_s = awake_s - _MARGIN_S
        self._news = threading.Condition()
        self._until_s = 0.0
        self._fails = False
        # on the last list or the one before: a session that falls asleep while Dovecot lists may be
        # at neither place
        self._listed: frozenset[str] = frozenset()

    @classmethod
    def of(cls, settings: Settings) -> "Sessions":
        """The sessions of this store."""
        return cls(
            Mailboxes.of(settings),
            lambda: accounts_with_sessions(settings),
            lambda address: end_sessions(settings, address, timeout_s=_END_S),
            awake_s=settings.imap.hibernate_after_seconds,
        )

    @contextlib.contextmanager
    def listed(self) -> Iterator[None]:
        """Have Dovecot list the sessions again and again."""
        stop = threading.Event()
        lister = threading.Thread(target=self._list, args=(stop,), name="sessions")
        lister.start()
        try:
            yield
        finally:
            stop.set()
            lister.join()

    def prepare(self) -> None:
        """Wait for a list that is new enough, while the account is still in use."""
        with self._news:
            self._news.wait_for(self._is_ready, timeout=_PREPARE_S)

    def end(self, address: Address) -> None:
        """End the sessions of an account; no new ones begin meanwhile."""
        is_listed = str(address.account) in self._listed
        if is_listed or _is_in_use(self._mailboxes.path(address)) or not self._is_valid():
            self._end_of(address)

    def _is_valid(self, for_s: float = 0.0) -> bool:
        return time.monotonic() + for_s < self._until_s

    def _is_ready(self) -> bool:
        # while Dovecot is stopped, there is no session either
        return self._fails or self._is_valid(_NEEDED_S)

    def _list(self, stop: threading.Event) -> None:
        before: frozenset[str] = frozenset()
        while not stop.is_set():
            now_s = time.monotonic()
            try:
                found = self._list_all()
            except OSError:
                found = None
            with self._news:
                self._fails = found is None
                if found is not None:
                    self._listed, before = found | before, found
                    self._until_s = now_s + self._valid_s
                self._news.notify_all()
            stop.wait(now_s + _LIST_EVERY_S - time.monotonic())


def _is_in_use(home: Path) -> bool:
    """Whether another process has the mailbox open."""
    found = format_of(home)
    if found is None:
        return False
    descriptor = os.open(home / found.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
