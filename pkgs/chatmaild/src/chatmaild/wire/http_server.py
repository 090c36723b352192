"""Serve whole HTTP requests of peers on this machine: Dovecot and nginx.

An `asyncio.Protocol` serves each connection, without the task and the buffers of a stream.

When hundreds of requests arrive at once, a few of them start in each turn of the event loop. In
between, the other servers of the process get their turn: a look-up of Postfix does not wait behind
all logins of Dovecot.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from chatmaild.wire import serve
from chatmaild.wire.http1 import (
    MAX_BODY_BYTES,
    MAX_HEAD_BYTES,
    HttpError,
    Request,
    Response,
    parse_request,
    plain_response,
)
from chatmaild.wire.listening import BACKLOG

# a client writes right after connect(), unless the machine is too busy to run it
FIRST_REQUEST_S: Final = 0.5
# of logins 2 to 3 ms
STARTS_IN_A_TURN: Final = 8

Handler = Callable[[Request], Awaitable[Response]]


@contextlib.asynccontextmanager
async def http(
    listener: socket.socket,
    handler: Handler,
    refusal: Callable[[int], Response] = plain_response,
    admits: Callable[[socket.socket], bool] | None = None,
) -> AsyncIterator[None]:
    """Serve while the context is open; at its end, answer the requests that were received.

    Args:
        refusal: makes the answer to a request that cannot be read, from its status.
        admits: whether a connection is served; others are closed at once.
    """
    connections: set[_Connection] = set()
    loop = asyncio.get_running_loop()
    turns = _Turns(loop)

    def connection() -> _Connection:
        return _Connection(handler, refusal, connections, admits, turns)

    # for unix sockets, too: create_unix_server would remove the file that the next process needs
    server = await loop.create_server(connection, sock=listener, backlog=BACKLOG)
    try:
        yield
    finally:
        await serve.stop_accepting(listener)
        server.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FIRST_REQUEST_S):
                for new in list(connections):
                    await new.asked.wait()
        turns.start_all()
        busy = [c.task for c in connections if c.task]
        if busy:
            await asyncio.wait(busy, timeout=serve.DRAIN_S)
        for left in list(connections):
            left.close()


class _Turns:
    """Starts `STARTS_IN_A_TURN` requests in each turn of the event loop, in their order."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._left = STARTS_IN_A_TURN
        self._waiting: deque[Callable[[], None]] = deque()

    def start(self, begin: Callable[[], None]) -> None:
        """Call `begin` now, or in one of the next turns."""
        if not self._left:
            self._waiting.append(begin)
            return
        if self._left == STARTS_IN_A_TURN:
            self._loop.call_soon(self._turn)
        self._left -= 1
        begin()

    def start_all(self) -> None:
        """Call all that wait."""
        while self._waiting:
            self._waiting.popleft()()

    def _turn(self) -> None:
        self._left = STARTS_IN_A_TURN
        while self._waiting and self._left:
            self.start(self._waiting.popleft())


class _Connection(asyncio.Protocol):
    """One connection: requests one after the other."""

    def __init__(
        self,
        handler: Handler,
        refusal: Callable[[int], Response],
        connections: set[_Connection],
        admits: Callable[[socket.socket], bool] | None,
        turns: _Turns,
    ) -> None:
        self._admits = admits
        self._turns = turns
        self._waits = False
        self._handler = handler
        self._refusal = refusal
        self._connections = connections
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        # set by the first request, or the end of the connection
        self.asked = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        if self._admits and not self._admits(transport.get_extra_info("socket")):
            transport.abort()
            return
        self._transport = transport
        self._connections.add(self)

    def connection_lost(self, _exc: Exception | None) -> None:
        self._connections.discard(self)
        self._transport = None
        self.asked.set()

    def close(self) -> None:
        if self._transport:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        if self._transport is None:
            return
        self._buffer += data
        if self.task is None and not self._waits:
            self._waits = True
            self._turns.start(self._next)
        elif len(self._buffer) > MAX_HEAD_BYTES + MAX_BODY_BYTES:
            self.close()

    def _next(self) -> None:
        """Start with the next request if all of it is there."""
        self._waits = False
        try:
            request, used = parse_request(self._buffer)
        except HttpError as error:
            self._buffer.clear()
            self.asked.set()
            self._answer(self._refusal(error.status), keep_alive=False)
            return
        if request:
            del self._buffer[:used]
            self.asked.set()
            self.task = asyncio.create_task(self._handle(request))

    async def _handle(self, request: Request) -> None:
        try:
            response = await self._handler(request)
        except Exception as error:
            serve.log_error("request", error)
            response = self._refusal(500)
        self.task = None
        head = request.head
        self._answer(response, keep_alive=head.keep_alive, head_only=head.method == "HEAD")
        if head.keep_alive and self._buffer:
            self._next()

    def _answer(self, response: Response, *, keep_alive: bool, head_only: bool = False) -> None:
        if not self._transport:
            return
        self._transport.write(response.encode(keep_alive=keep_alive, head_only=head_only))
        if not keep_alive:
            self._transport.close()
