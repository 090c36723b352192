"""Ask the stores of this relay over HTTP, and watch which of them answer.

Connections stay open and are used again, the last one first. The watch asks each store once a
second on a connection of its own. A store whose watch gets no answer, on a fresh connection
neither, is down: what waits for it fails at once, and so does all that asks it, until it answers.

A request that fails makes the watch ask at once, so a store is down a few milliseconds after its
service was stopped. After a loss of power that takes 4 s at most. A service that restarts is not
down: the kernel takes its connections, and the next process answers.
"""

import asyncio
import contextlib
import json
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Final

from chatmaild.accounts.cluster.identity import Identities
from chatmaild.errors import ProtocolError, StoreDownError
from chatmaild.logs import log_error
from chatmaild.wire.http_client import Answer, Connection, request

_log = logging.getLogger(__name__)

# of TCP in a data centre; the second SYN is sent after a second
CONNECT_S: Final = 1.0
# all requests but logins
ANSWER_S: Final = 5.0
WATCH_EVERY_S: Final = 1.0
# a store that hashes passwords for all who return after a fault answers within half a second
ALIVE_S: Final = 2.0
# on a fresh connection: a service starts in a second, on a busy machine in three
RESTART_S: Final = 5.0
# the watch waits for so long already: most likely the store is down
SLOW_S: Final = 1.0
# down for so long: it does not only restart
LOST_S: Final = 5.0
# to one store; a request takes milliseconds, so more only wait on the other side
MOST_AT_ONCE: Final = 100
# 10 KB each
MOST_KEPT: Final = 20
KEEP_S: Final = 60.0

_FAILURES: Final = (OSError, EOFError, ProtocolError)
_NOT_AN_ANSWER: Final = (*_FAILURES, ValueError, AttributeError)

Changed = Callable[[str, bool], None]


class Store:
    """One store.

    Args:
        changed: is called when it goes down, and when it comes back.
        identities: another machine of this name is not used; None for no such check.

    Attributes:
        name: its name in the settings.
        address: its IP address in the tunnel.
        is_up: whether it answers; True before it was asked.
    """

    def __init__(
        self,
        name: str,
        address: str,
        port: int,
        changed: Changed,
        identities: Identities | None,
    ) -> None:
        self.name = name
        self.address = address
        self.is_up = True
        self._down_since_s = 0.0
        self._asked_s: float | None = None
        self._port = port
        self._host = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        self._changed = changed
        self._identities = identities
        self._is_other = False
        # the watch has had an answer, or none: before that nobody knows which store it is
        self._met = asyncio.Event()
        if identities is None:
            self._met.set()
        self._slots = asyncio.Semaphore(MOST_AT_ONCE)
        # with the time since when each is idle, oldest first
        self._idle: deque[tuple[float, Connection]] = deque()
        self._busy: set[Connection] = set()
        self._pulse: Connection | None = None
        self._suspicion = asyncio.Event()

    @property
    def is_lost(self) -> bool:
        """Whether it is down, and not only because its services restart."""
        return not self.is_up and time.monotonic() >= self._down_since_s + LOST_S

    @property
    def is_slow(self) -> bool:
        """Whether the watch waits for its answer."""
        return self._asked_s is not None and time.monotonic() >= self._asked_s + SLOW_S

    async def ask(
        self,
        method: str,
        target: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        answer_s: float = ANSWER_S,
        repeatable: bool = True,
    ) -> Answer:
        """Send a request; return the answer.

        Args:
            answer_s: how long it may take in all.
            repeatable: whether the store may get the request twice. Then an idle connection is
                used, which the store may close in that moment.

        Raises:
            StoreDownError: the store is down, or gave no answer.
        """
        message = request(method, target, host=self._host, body=body, headers=headers or {})
        try:
            async with asyncio.timeout(answer_s), self._slots:
                return await self._exchange(message, repeatable=repeatable)
        except StoreDownError:
            raise
        except _FAILURES as error:
            self._suspicion.set()
            raise StoreDownError(f"store {self.name} gave no answer") from error

    async def watch(self) -> None:
        """Find out whether the store answers, once a second; never return."""
        while True:
            self._suspicion.clear()
            self._asked_s = time.monotonic()
            is_up = await self._is_alive()
            self._asked_s = None
            self._set(is_up=is_up)
            self._met.set()
            self._drop_idle()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(WATCH_EVERY_S):
                    await self._suspicion.wait()

    def close(self) -> None:
        """Close all connections; requests that wait fail."""
        for connection in [*self._busy, *(idle for _, idle in self._idle)]:
            connection.close()
        self._idle.clear()
        if self._pulse:
            self._pulse.close()

    async def _exchange(self, message: bytes, *, repeatable: bool) -> Answer:
        await self._met.wait()
        if repeatable and (kept := self._kept()):
            # closed by the store while it was idle, as after a restart: so are all others
            with contextlib.suppress(ConnectionError, EOFError):
                return await self._on(kept, message)
        if not self.is_up:
            raise StoreDownError(f"store {self.name} is down")
        return await self._on(await self._connect(), message)

    def _kept(self) -> Connection | None:
        while self._idle:
            _, connection = self._idle.pop()
            if connection.alive:
                return connection
            connection.close()
        return None

    async def _connect(self) -> Connection:
        async with asyncio.timeout(CONNECT_S):
            return await Connection.open(self.address, self._port)

    async def _on(self, connection: Connection, message: bytes) -> Answer:
        self._busy.add(connection)
        keep = False
        try:
            answer = await connection.ask(message)
            keep = answer.keep and self.is_up and len(self._idle) < MOST_KEPT
        finally:
            self._busy.discard(connection)
            if keep:
                self._idle.append((time.monotonic(), connection))
            else:
                connection.close()
        return answer

    def _drop_idle(self) -> None:
        while self._idle and self._idle[0][0] < time.monotonic() - KEEP_S:
            self._idle.popleft()[1].close()

    async def _is_alive(self) -> bool:
        kept, self._pulse = self._pulse, None
        return (kept is not None and await self._answers(kept)) or await self._answers()

    async def _answers(self, kept: Connection | None = None) -> bool:
        alive, connection = False, kept
        try:
            async with asyncio.timeout(ALIVE_S if kept else RESTART_S):
                connection = connection or await self._connect()
                answer = await connection.ask(request("GET", "/alive", host=self._host, headers={}))
            alive = answer.status == 200 and self._is_known(answer.body)
            if alive and answer.keep:
                self._pulse = connection
        except _NOT_AN_ANSWER:
            pass
        finally:
            if connection is not None and connection is not self._pulse:
                connection.close()
        return alive

    def _is_known(self, body: bytes) -> bool:
        """Whether the store that answers is the one that had this name before."""
        if self._identities is None:
            return True
        identity = json.loads(body).get("identity")
        is_other = self._identities.is_other(self.name, identity)
        if is_other and not self._is_other:
            _log.error(
                "store %s is another one than before: restore its backup there,"
                " or give the machine a new name",
                self.name,
            )
        self._is_other = is_other
        self._identities.learn(self.name, identity)
        return not is_other

    def _set(self, *, is_up: bool) -> None:
        if self.is_up == is_up:
            return
        self.is_up = is_up
        if is_up:
            _log.warning("store %s answers again", self.name)
        else:
            self._down_since_s = time.monotonic()
            _log.warning("store %s does not answer", self.name)
            self.close()
        self._changed(self.name, is_up)


class Stores:
    """All stores, by name.

    Args:
        addresses: their IP addresses in the tunnel.
        port: where each answers.
        identities: see `Store`.
    """

    def __init__(
        self, addresses: Mapping[str, str], port: int, identities: Identities | None = None
    ) -> None:
        self._listeners: list[Changed] = []
        self._stores = {
            name: Store(name, address, port, self._changed, identities)
            for name, address in addresses.items()
        }

    def __getitem__(self, name: str) -> Store:
        return self._stores[name]

    def __contains__(self, name: str) -> bool:
        return name in self._stores

    def __len__(self) -> int:
        return len(self._stores)

    def __iter__(self) -> Iterator[Store]:
        return iter(self._stores.values())

    def on_change(self, listener: Changed) -> None:
        """Call a listener when a store goes down (name, False) or comes back (name, True)."""
        self._listeners.append(listener)

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Watch all stores while the context is open; close all connections at its end."""
        watches = [asyncio.create_task(store.watch()) for store in self]
        try:
            yield
        finally:
            for watch in watches:
                watch.cancel()
            await asyncio.gather(*watches, return_exceptions=True)
            for store in self:
                store.close()

    def _changed(self, name: str, is_up: bool) -> None:
        for listener in self._listeners:
            try:
                listener(name, is_up)
            except Exception as error:  # the watch goes on
                log_error("store event", error)
