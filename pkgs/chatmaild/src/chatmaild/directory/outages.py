"""What a front does when a store goes down, and when it is back.

Down: sessions that Dovecot passes on to the store end. A machine that lost power closes none, and
clients would wait for it for minutes. They connect again, and hear that it is unavailable.

Back: Postfix tries at once what waits in the queue (`modules/chatmail/cluster/queue.nix`), and not
half an hour later.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Final

from chatmaild.logs import log_error
from chatmaild.settings import Settings
from chatmaild.store.sessions import end_sessions_at

# A busy store may miss a few questions and answer again: its people notice nothing before that.
CERTAIN_S: Final = 2.0
# stores that return together need one run of the queue
RETURN_S: Final = 0.5
# a store that is slow, and not down, has answered by then
SLOW_S: Final = 5.0
# Postfix' queue manager remembers its last look-up, one only, for 30 s
REMEMBERS_S: Final = 31.0


class Outages:
    """Listens to `stores.Stores` and to `maps.Maps`.

    Args:
        settings: have the addresses of the stores, and the file that Postfix' unit watches.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stores = settings.cluster.stores
        self._down: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        # runs of the queue that are to come, by their delay
        self._coming: dict[float, asyncio.Task[None]] = {}
        self._waits_since_s = -REMEMBERS_S

    @contextlib.asynccontextmanager
    async def handled(self) -> AsyncIterator[None]:
        """Act while the context is open."""
        # a store may have returned while no directory ran
        self._start(self._run_queue(RETURN_S))
        try:
            yield
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def changed(self, name: str, is_up: bool) -> None:
        """A store went down, or is back."""
        if not is_up:
            self._down.add(name)
            self._start(self._end_sessions(name))
            return
        self._down.discard(name)
        self._start(self._run_queue(RETURN_S))
        forgotten_s = self._waits_since_s + REMEMBERS_S - time.monotonic()
        if forgotten_s > RETURN_S:
            self._start(self._run_queue(forgotten_s))

    def waits(self, *, is_up: bool) -> None:
        """Mail has to wait for a store; for one that is up, because it is slow."""
        self._waits_since_s = time.monotonic()
        if not is_up:
            return
        # nothing will tell that it is back
        for after_s in (SLOW_S, REMEMBERS_S):
            if after_s not in self._coming or self._coming[after_s].done():
                self._coming[after_s] = self._start(self._run_queue(after_s))

    def _start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _run_queue(self, after_s: float) -> None:
        await asyncio.sleep(after_s)
        try:
            Path(self._settings.sockets.store_returned).write_bytes(b"")
        except OSError as error:
            log_error("telling Postfix that a store is back", error)

    async def _end_sessions(self, name: str) -> None:
        await asyncio.sleep(CERTAIN_S)
        if name in self._down:
            await asyncio.to_thread(end_sessions_at, self._settings, self._stores[name].address)
