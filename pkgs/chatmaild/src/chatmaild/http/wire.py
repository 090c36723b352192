"""A connection: h11's state machine between the two streams of asyncio."""

import asyncio
from typing import Any, cast

import h11

from chatmaild.http.messages import HttpError

PIECE_BYTES = 65536


class ConnectionLostError(ConnectionError):
    """The peer closed the connection, or fell silent, in the middle of a message."""


class Wire:
    """The server's end of a connection.

    Args:
        max_head_bytes: what a head may have; more is a 431.

    Attributes:
        state: h11's.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        max_head_bytes: int,
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.state = h11.Connection(h11.SERVER, max_incomplete_event_size=max_head_bytes)
        self._ended = False

    async def event(self, within_s: float | None = None) -> h11.Event:
        """What comes next: a head, a piece of a body, its end, or the end of the connection.

        Raises:
            ConnectionLostError: it ended in the middle, or nothing came for `within_s`.
            HttpError: it is no HTTP/1.1.
        """
        while True:
            # h11.PAUSED, the third kind, would be the next message before next_cycle()
            event: Any = self._parsed()
            if event is not h11.NEED_DATA:
                assert event is not h11.PAUSED
                return cast(h11.Event, event)
            data = await self._read(within_s)
            self._ended = not data
            self.state.receive_data(data)

    def encoded(self, *events: h11.Event) -> bytes:
        """The octets that tell of these events.

        Raises:
            HttpError: HTTP has no way to say it.
        """
        try:
            return b"".join(self.state.send(event) or b"" for event in events)
        except h11.LocalProtocolError:
            raise HttpError(500) from None

    def next_cycle(self) -> bool:
        """Start over if both sides said all, and want to go on; else the connection is used up."""
        state = self.state
        if state.our_state is not h11.DONE or state.their_state is not h11.DONE:
            return False
        state.start_next_cycle()
        return True

    async def _read(self, within_s: float | None) -> bytes:
        if within_s is None:
            return await self.reader.read(PIECE_BYTES)
        try:
            async with asyncio.timeout(within_s):
                return await self.reader.read(PIECE_BYTES)
        except TimeoutError:
            raise ConnectionLostError from None

    def _parsed(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        try:
            return self.state.next_event()
        except h11.RemoteProtocolError as error:
            if self._ended:
                raise ConnectionLostError from None
            raise HttpError(error.error_status_hint) from None
        except ValueError:
            # h11 before 0.16 counts with a Content-Length of thousands of digits
            raise HttpError(400) from None
