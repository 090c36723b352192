"""Move all accounts of this store that belong to others, when the operator wants it."""

import contextlib
import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from chatmaild.address import Address
from chatmaild.directory.placement import winner
from chatmaild.errors import ChatmaildError, RebalanceError, StoreDownError
from chatmaild.logs import kind_of, log_error
from chatmaild.rebalance import belongings, news, progress
from chatmaild.rebalance.leaving import recovery
from chatmaild.rebalance.leaving.account import Mover
from chatmaild.rebalance.leaving.sessions import Sessions
from chatmaild.rebalance.peer import Peer
from chatmaild.rebalance.progress import Progress
from chatmaild.settings import Settings
from chatmaild.store.invites import Invites
from chatmaild.store.mail.moving import MOVING, Departed
from chatmaild.store.mailboxes import Mailboxes
from chatmaild.store.tombstones import Tombstones

_log = logging.getLogger(__name__)

# Accounts that move at the same time: while one waits for the network or a disk, the other works
WORKERS: Final = 4
# how often it looks whether moves are wanted, or questions can be answered
POLL_S: Final = 0.5
# between two attempts with what could not be moved
PAUSE_S: Final = 5.0
MOST_PAUSE_S: Final = 300.0
# of a store that gave no answer; a service that was killed is back after a second
DOWN_S: Final = 2.0
_REPORT_S: Final = 1.0
_CARE_EVERY_S: Final = 10.0
_UNCLEAR: Final = "their new store has not confirmed that it has them"


class Job:
    """The moves of this store, in a thread.

    Args:
        stop: ends it, after the accounts that are just moving.
    """

    def __init__(self, settings: Settings, stop: threading.Event) -> None:
        cluster = settings.cluster
        assert cluster.machine is not None
        assert cluster.address is not None
        self._address = cluster.address
        self._settings = settings
        self._stop = stop
        self._own = cluster.machine
        self._mailboxes = Mailboxes.of(settings)
        accounts = settings.directories.accounts
        self._departed = Departed(accounts)
        self._sessions = Sessions.of(settings)
        self._mover = Mover(
            self._mailboxes,
            self._departed,
            news.Pending(accounts),
            self._sessions.end,
            self._sessions.prepare,
        )
        self._invites = Invites.of(settings)
        self._deleted = belongings.Deleted(Tombstones.of(settings), self._own)
        # the threads, each with its own connections
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="move")
        self._local = threading.local()
        self._peers: list[Peer] = []
        self._lock = threading.Lock()
        # accounts whose store is not known yet
        self._unclear: set[Address] = set()
        self._moved = 0
        self._left = 0
        # what did not move, and why
        self._problems: Counter[tuple[str, str]] = Counter()
        # stores that gave no answer, and until when they are not asked
        self._down: dict[str, float] = {}
        self._reported_s = 0.0
        self._cared_s = -_CARE_EVERY_S

    def run(self) -> None:
        """Work until it is stopped; a fault is logged, and tried again."""
        before = progress.read(self._settings)
        self._moved, was_wanted = before.moved, before.running
        is_first, wait_s, pause_s = True, 0.0, PAUSE_S
        while not self._stop.wait(wait_s):
            wait_s = POLL_S
            try:
                if is_first:
                    self._unclear = {one for one in self._mailboxes.addresses() if self._moves(one)}
                is_first = False
                self._care()
                is_wanted = progress.is_wanted(self._settings)
                if is_wanted and not was_wanted:
                    self._moved = 0
                was_wanted, moved = is_wanted, self._moved
                if is_wanted and not self._move_all():
                    # what never moves, such as an account with a link, must not keep a core busy
                    is_new = self._moved > moved or self._down
                    pause_s = PAUSE_S if is_new else min(2 * pause_s, MOST_PAUSE_S)
                    wait_s = DOWN_S if self._down else pause_s
            except Exception as error:
                log_error("rebalance", error)
                wait_s = PAUSE_S
        self._pool.shutdown()
        for peer in self._peers:
            peer.close()

    def place_of(self, name: str) -> str | None:
        """Return the store of an address or a token by the newest placement."""
        return winner(name, self._settings.cluster.placements[0])

    def _moves(self, address: Address) -> bool:
        return os.path.lexists(self._mailboxes.path(address) / MOVING)

    def _care(self) -> None:
        """Complete or undo interrupted moves, and do what is due otherwise."""
        with self._lock:
            unclear = list(self._unclear)
        for address in unclear:
            with contextlib.suppress(ChatmaildError, OSError):
                left = recovery.recover(self._mailboxes, self._departed, address, self._peer_of)
                with self._lock:
                    self._unclear.discard(address)
                    self._moved += left
        if time.monotonic() < self._cared_s + _CARE_EVERY_S:
            return
        self._cared_s = time.monotonic()
        if unclear:
            self._report()
        self._departed.clean()
        # which names were deleted here
        for store in self._settings.cluster.stores:
            if store != self._own:
                with contextlib.suppress(StoreDownError, RebalanceError):
                    self._deleted.send(self._peer_of(store))

    def _move_all(self) -> bool:
        """Move what is not here by the newest placement; whether nothing is left."""
        found = [(one, self.place_of(str(one))) for one in self._mailboxes.addresses()]
        waiting = [(one, store) for one, store in found if store not in (self._own, None)]
        self._left, self._problems, self._down = len(waiting), Counter(), {}
        self._report()
        with self._sessions.listed() if waiting else contextlib.nullcontext():
            for _ in self._pool.map(self._move, waiting):
                if time.monotonic() - self._reported_s > _REPORT_S:
                    self._report()
                    self._care()
        with self._counting("an invite"):
            belongings.send_invites(self._invites, self._own, self.place_of, self._peer_of)
        _log.info(
            "rebalance: %d addresses moved, %d are left, none was out of use for more than %.2f s",
            *(self._moved, self._left, self._mover.longest_s),
        )
        is_over = not (self._left or self._problems or self._unclear or self._stop.is_set())
        if is_over and not waiting:
            progress.finish(self._settings)
            _log.info("rebalance: all addresses are where they belong")
        self._report()
        return is_over

    def _move(self, waiting: tuple[Address, str | None]) -> None:
        address, store = waiting
        if self._stop.is_set() or address in self._unclear or store is None:
            return
        if time.monotonic() < self._down.get(store, 0.0):
            return
        with self._counting("an address"):
            try:
                is_moved = self._mover.move(address, self._peer_of(store))
            except StoreDownError:
                self._down[store] = time.monotonic() + DOWN_S
                raise
            finally:
                if recovery.is_open(self._mailboxes.path(address)):
                    with self._lock:
                        self._unclear.add(address)
            with self._lock:
                self._left -= 1
                self._moved += is_moved

    @contextlib.contextmanager
    def _counting(self, what: str) -> Iterator[None]:
        problem = ""
        try:
            yield
        except ChatmaildError as error:
            problem = str(error)
        except OSError as error:
            problem = f"disk error: {error.strerror or kind_of(error)}"
        except Exception as error:
            log_error("a move", error)
            problem = kind_of(error)
        if problem:
            with self._lock:
                self._problems[what, problem] += 1

    def _report(self) -> None:
        self._reported_s = time.monotonic()
        texts = [
            f"{what} did not move{f' ({count} times)' * (count > 1)}: {problem}"
            for (what, problem), count in self._problems.most_common(3)
        ]
        if self._unclear:
            texts.append(f"{len(self._unclear)} addresses are out of use: {_UNCLEAR}")
        now = Progress(
            left=self._left,
            moved=self._moved,
            running=progress.is_wanted(self._settings),
            problem="; ".join(texts),
            longest_s=round(self._mover.longest_s, 2),
        )
        # with a full disk the old numbers stay, and the next accounts are tried
        with contextlib.suppress(OSError):
            now.write(self._settings)

    def _peer_of(self, store: str) -> Peer:
        """Return the connection of this thread to a store.

        Raises:
            RebalanceError: the settings have no such store.
        """
        peers: dict[str, Peer] = self._local.__dict__.setdefault("peers", {})
        if store not in peers:
            found = self._settings.cluster.stores.get(store)
            if found is None:
                raise RebalanceError(f"store {store} is not in cluster.stores")
            port = self._settings.ports.moves
            peers[store] = Peer(store, found.address, port, self._address)
            self._peers.append(peers[store])
        return peers[store]
