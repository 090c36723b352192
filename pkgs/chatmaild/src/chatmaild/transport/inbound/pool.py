"""Sessions with services of this machine that stay open between messages."""

import asyncio
from abc import ABC, abstractmethod
from typing import Final, Generic, Protocol, Self, TypeVar

# well below the time after which the services close idle connections
KEEP_S: Final = 15.0
# deliveries that one relay has at a time
MAX_KEPT: Final = 20
# the service may have to start a process, on a busy machine
GREETING_S: Final = 5.0


class UnavailableError(Exception):
    """The service cannot be reached, or gave no usable answer."""


class PooledSession(Protocol):
    """A session over one connection."""

    @property
    def alive(self) -> bool:
        """Whether the service has not closed the connection, as far as is known."""

    def close(self) -> None:
        """Close the connection without waiting."""


class UnixSession(ABC):
    """A session over a unix socket, past its greeting."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, path: str) -> Self:
        """Open a session.

        Raises:
            UnavailableError: the service does not answer, or does not serve now.
        """
        try:
            async with asyncio.timeout(GREETING_S):
                session = cls(*await asyncio.open_unix_connection(path))
                try:
                    await session._greet()
                except BaseException:
                    session.close()
                    raise
        except (OSError, EOFError, asyncio.LimitOverrunError) as error:
            raise UnavailableError from error
        return session

    @abstractmethod
    async def _greet(self) -> None:
        """Do what comes before the first message; may raise what `connect` turns into its error."""

    @property
    def alive(self) -> bool:
        """Whether the service has not closed the connection, as far as is known."""
        return not (self._reader.at_eof() or self._writer.is_closing())

    def close(self) -> None:
        """Close the connection without waiting; the service drops a message that has not ended."""
        self._writer.close()


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
