"""The server's side: requests one after the other, from peers on this machine (nginx, Dovecot).

A connection handler for `chatmaild.serve.streams`, which owns sockets, SIGTERM and the drain.
"""

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator
from http import HTTPStatus

import h11

from chatmaild import serve
from chatmaild.http.messages import Handler, HttpError, Refusal, Request, Response, plain_refusal
from chatmaild.http.wire import PIECE_BYTES, ConnectionLostError, Wire

MAX_HEAD_BYTES = 16384
# nginx has the whole request before we see it; what stands still here is nginx itself
READ_S = 60.0
# who still writes does not read, and a reset would take the answer away (RFC 9112 section 9.6)
LINGER_S = 5.0
VERSIONS = (b"1.0", b"1.1")
END = h11.EndOfMessage()


def connection(
    handler: Handler,
    *,
    refusal: Refusal = plain_refusal,
    max_head_bytes: int = MAX_HEAD_BYTES,
    keep_alive: bool = True,
) -> serve.Connection:
    """Serves one connection after the other.

    Args:
        refusal: the answer to a request that cannot be read or served, from its status.
        max_head_bytes: request line and header fields; more is a 431.
        keep_alive: whether a connection may have more than one request.
    """

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire = Wire(reader, writer, max_head_bytes=max_head_bytes)
        session = _Session(wire, handler, refusal, max_head_bytes, keep_alive=keep_alive)
        while await session.exchange():
            pass

    return handle


class Body:
    """The body of a request, read piece by piece.

    Attributes:
        length_bytes: as the head says it; None for a chunked one, whose end tells.
        ended: all of it has been read.
    """

    def __init__(self, wire: Wire, length_bytes: int | None) -> None:
        self._wire = wire
        self.length_bytes = length_bytes
        self.ended = False

    async def pieces(self) -> AsyncIterator[bytes]:
        """What has not been read yet.

        Raises:
            ConnectionLostError: it ended early, or stands still.
            HttpError: its chunks are malformed.
        """
        while not self.ended:
            if piece := await self._piece():
                yield piece

    async def read(self, limit_bytes: int) -> bytes:
        """The whole body.

        Raises:
            ConnectionLostError: it ended early, or stands still.
            HttpError: 413, before it is read if its length says so; its chunks are malformed.
        """
        if (self.length_bytes or 0) > limit_bytes:
            raise HttpError(413)
        body = b""
        while not self.ended:
            body += await self._piece()
            if len(body) > limit_bytes:
                raise HttpError(413)
        return body

    async def _piece(self) -> bytes:
        """The next piece; empty at the end."""
        if self._wire.state.they_are_waiting_for_100_continue:
            go_on = h11.InformationalResponse(status_code=100, headers=[], reason="Continue")
            self._wire.writer.write(self._wire.encoded(go_on))
        event = await self._wire.event(READ_S)
        if type(event) is h11.Data:
            return bytes(event.data)
        self.ended = True
        return b""


class _Session:
    """One connection."""

    def __init__(
        self,
        wire: Wire,
        handler: Handler,
        refusal: Refusal,
        max_head_bytes: int,
        *,
        keep_alive: bool,
    ) -> None:
        self._wire = wire
        self._handler = handler
        self._refusal = refusal
        self._max_head_bytes = max_head_bytes
        self._keep_alive = keep_alive

    async def exchange(self) -> bool:
        """Answer the next request; False when it was the last, or there is none."""
        ended = False
        method = ""
        try:
            request = await self._request()
            if request is None:
                return False
            method = request.method
            response = await self._answer(request)
            ended = request.body.ended
        except HttpError as error:
            response = self._refusal(error.status)
        # before it is answered, because then nobody waits any more
        comes = not (ended or self._wire.state.they_are_waiting_for_100_continue)
        close = not (ended and self._keep_alive)
        self._wire.writer.write(self._encoded(response, head_only=method == "HEAD", close=close))
        await self._wire.writer.drain()
        if comes:
            await self._linger()
        return not close and self._wire.next_cycle()

    async def _request(self) -> Request | None:
        event = await self._wire.event(None if self._keep_alive else READ_S)
        if type(event) is not h11.Request:
            return None
        fields = list(event.headers)
        length_bytes: int | None = 0
        framings = 0
        size_bytes = len(event.target)
        for name, value in fields:
            size_bytes += len(name) + len(value) + 4
            if name == b"content-length":
                length_bytes = int(value)
                framings += 1
            elif name == b"transfer-encoding":
                length_bytes = None
                framings += 1
        if size_bytes > self._max_head_bytes:
            raise HttpError(431)
        # two framings: two servers could see two different requests (RFC 9112 section 6.3)
        if framings > 1 or event.http_version not in VERSIONS or event.target[:1] != b"/":
            raise HttpError(400)
        body = Body(self._wire, length_bytes)
        if length_bytes == 0:
            await body.read(0)
        path, _, query = event.target.decode("ascii").partition("?")
        return Request(
            method=event.method.decode("ascii"), path=path, query=query, fields=fields, body=body
        )

    async def _answer(self, request: Request) -> Response:
        try:
            return await self._handler(request)
        except (HttpError, ConnectionLostError):
            raise
        except Exception as error:  # one request must not stop the others
            serve.log_error("request", error)
            return self._refusal(500)

    def _encoded(self, response: Response, *, head_only: bool, close: bool) -> bytes:
        kind = response.content_type if response.body else ""
        fields = tuple(response.headers.items())
        head = _head(response.status, kind, len(response.body), fields, close=close)
        if head_only or not response.body:
            return self._wire.encoded(head, END)
        return self._wire.encoded(head, h11.Data(data=response.body), END)

    async def _linger(self) -> None:
        """Read on for a while, and throw away what comes."""
        self._wire.writer.write_eof()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                while await self._wire.reader.read(PIECE_BYTES):
                    pass


# Dovecot gets the same few heads hundreds of times a second, and h11 checks each one that is made
@functools.lru_cache(maxsize=32)
def _head(
    status: int, kind: str, length_bytes: int, fields: tuple[tuple[str, str], ...], *, close: bool
) -> h11.Response:
    headers = [("Content-Type", kind)] if kind else []
    headers += [("Content-Length", str(length_bytes)), *fields]
    if close:
        headers.append(("Connection", "close"))
    return h11.Response(status_code=status, headers=headers, reason=HTTPStatus(status).phrase)
