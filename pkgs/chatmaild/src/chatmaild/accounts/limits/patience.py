"""Retry a login that cannot be decided now, for as long as its client waits."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final

from chatmaild.accounts.limits.buckets import Names
from chatmaild.errors import BusyError
from chatmaild.net.networks import network
from chatmaild.wire import serve
from chatmaild.wire.http1 import Response

# Longer than Postfix waits (10 s, then 454; it makes 535 of Dovecot's temporary failure), shorter
# than Dovecot waits (12 s).
PATIENCE_S: Final = 11.0
RETRY_S: Final = 1.0
# of Dovecot to this service (modules/chatmail/dovecot/auth.nix). A fifth is for logins that need
# not wait; one network gets a tenth of the others.
CONNECTIONS: Final = 250
MOST_OF_NETWORK: Final = 20


class Patience:
    """Holds requests that cannot be answered yet.

    Args:
        connections: how many Dovecot has to this service.
        most_of_network: how many requests of one network are held.
    """

    def __init__(
        self, connections: int = CONNECTIONS, most_of_network: int = MOST_OF_NETWORK
    ) -> None:
        self._most_held = connections * 4 // 5
        self._most_of_network = most_of_network
        self._names = Names()
        self._held: Counter[bytes] = Counter()
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """End all waits: the service stops."""
        self._stopping.set()

    async def answer(
        self, attempt: Callable[[], Awaitable[Response]], ip: str, later: Response
    ) -> Response:
        """Return what an attempt returns, repeated while it raises; at last, `later`."""
        if answer := await _tried(attempt, is_first=True):
            return answer
        name = self._names.of(network(ip))
        is_full = self._held.total() >= self._most_held
        if is_full or self._held[name] >= self._most_of_network:
            return later
        self._held[name] += 1
        try:
            return await self._repeat(attempt) or later
        finally:
            self._held[name] -= 1
            if not self._held[name]:
                del self._held[name]

    async def _repeat(self, attempt: Callable[[], Awaitable[Response]]) -> Response | None:
        deadline_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline_s and not self._stopping.is_set():
            try:
                async with asyncio.timeout(RETRY_S):
                    await self._stopping.wait()
            except TimeoutError:
                if answer := await _tried(attempt, is_first=False):
                    return answer
        return None


async def _tried(attempt: Callable[[], Awaitable[Response]], *, is_first: bool) -> Response | None:
    try:
        return await attempt()
    except BusyError:
        return None
    except Exception as error:
        if is_first:
            serve.log_error("request", error)
        return None
