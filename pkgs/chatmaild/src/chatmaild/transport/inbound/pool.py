"""Sessions with services of this machine that stay open between messages."""

import asyncio
from typing import Final, Generic, Protocol, TypeVar

# well below the time after which the services close idle connections
KEEP_S: Final = 15.0
# deliveries that one relay has at a time
MAX_KEPT: Final = 20


class UnavailableError(Exception):
    """The service cannot be reached, or gave no usable answer."""


class PooledSession(Protocol):
    """A session over one connection."""

    @property
    def alive(self) -> bool:
        """Whether the service has not closed the connection, as far as is known."""

    def close(self) -> None:
        """Close the connection without waiting."""


T = TypeVar("T", bound=PooledSession)


class Pool(Generic[T]):
    """Idle sessions; the one that was used last comes first."""

    def __init__(self) -> None:
        self._kept: list[tuple[T, asyncio.TimerHandle]] = []

    def take(self) -> T | None:
        """Return an open session, or None."""
        while self._kept:
            session, closing = self._kept.pop()
            closing.cancel()
            if session.alive:
                return session
            session.close()
        return None

    def keep(self, session: T) -> None:
        """Keep a session that can be used again."""
        if len(self._kept) >= MAX_KEPT:
            session.close()
            return
        loop = asyncio.get_running_loop()
        self._kept.append((session, loop.call_later(KEEP_S, self._drop, session)))

    def close(self) -> None:
        """Close all idle sessions."""
        for session, closing in self._kept:
            closing.cancel()
            session.close()
        self._kept.clear()

    def _drop(self, session: T) -> None:
        self._kept = [kept for kept in self._kept if kept[0] is not session]
        session.close()
