"""Mailboxes of a run: new mail while it runs, and the content at the end."""

from __future__ import annotations

import contextlib
import itertools
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from chatmail_testkit.mail.imap import Imap
from chatmail_testkit.people.names import Account
from imapclient.exceptions import IMAPClientError
from loss.ledger import Find, Ledger, Sight
from loss.letters import finds, tls, token_of

TIMEOUT_S = 60.0
POLL_S = 5.0
WATCHERS = 4
COLLECTORS = 4
BATCH = 50
ID = "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]"


class Watcher:
    """A client of one mailbox, which asks for new mail and connects again after an error."""

    def __init__(self, user: Account, ledger: Ledger) -> None:
        self._user = user
        self._ledger = ledger
        self._session: Imap | None = None
        self._validity = b""
        self._next_uid = 1

    def look(self) -> None:
        """Write down the messages that are new since the last time."""
        try:
            self._look()
        except (IMAPClientError, OSError, EOFError):
            self.leave()

    def leave(self) -> None:
        """End the session."""
        if self._session is not None:
            self._session.end()
        self._session = None

    def _look(self) -> None:
        if self._session is None:
            self._session = Imap(self._user.host, tls(), timeout_s=TIMEOUT_S)
            self._session.login(self._user.address, self._user.password)
            selected = self._session.select_folder("INBOX", readonly=True)
            self._check_validity(selected[b"UIDVALIDITY"])
        else:
            self._session.noop()
        # the range also means the last message if that is older
        uids = [
            uid
            for uid in self._session.search(["UID", f"{self._next_uid}:*"])
            if uid >= self._next_uid
        ]
        new = self._session.fetch(uids, [ID]) if uids else {}
        now_s = time.time()
        for uid, parts in sorted(new.items()):
            self._next_uid = uid + 1
            text = next(value for name, value in parts.items() if name.startswith(b"BODY"))
            if token := token_of(text):
                self._ledger.add(Sight(token=token, mailbox=self._user.address, seen_s=now_s))

    def _check_validity(self, validity: bytes) -> None:
        if self._validity and validity != self._validity:
            print(f"    UIDVALIDITY of a mailbox of {self._user.host} changed", flush=True)
            self._next_uid = 1
        self._validity = validity


def watch(users: Sequence[Account], ledger: Ledger) -> None:
    """Check all mailboxes every few seconds, until SIGTERM."""
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    watchers = [Watcher(user, ledger) for user in users]
    with ThreadPoolExecutor(WATCHERS) as pool:
        running = [
            pool.submit(_rounds, watchers[number::WATCHERS], over) for number in range(WATCHERS)
        ]
        while not over.wait(1.0):  # a handler runs between two waits
            pass
    for rounds in running:
        rounds.result()
    for watcher in watchers:
        watcher.leave()
    ledger.close()


def _rounds(watchers: Sequence[Watcher], over: threading.Event) -> None:
    while not over.is_set():
        begin_s = time.monotonic()
        for watcher in watchers:
            watcher.look()
        over.wait(max(0.1, begin_s + POLL_S - time.monotonic()))


def collect(users: Sequence[Account]) -> list[Find]:
    """Return what all INBOX folders have."""
    with ThreadPoolExecutor(COLLECTORS) as pool:
        return list(itertools.chain.from_iterable(pool.map(lambda user: list(_all(user)), users)))


def _all(user: Account) -> Iterator[Find]:
    with _inbox(user) as box:
        uids = box.search("ALL")
        for start in range(0, len(uids), BATCH):
            for found in box.fetch(uids[start : start + BATCH], ["BODY.PEEK[]"]).values():
                yield from finds(user, found[b"BODY[]"])


@contextlib.contextmanager
def _inbox(user: Account) -> Iterator[Imap]:
    box = Imap(user.host, tls(), timeout_s=TIMEOUT_S)
    box.login(user.address, user.password)
    box.select_folder("INBOX", readonly=True)
    try:
        yield box
    finally:
        box.logout()
