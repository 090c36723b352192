"""A small HTTP/1.1 server (RFC 9112) for peers on this machine: Dovecot and nginx.

aiohttp would do it, too, and costs 15 MB of memory and 0.2 ms a request; the whole accounts
service has less than 30 MB. nginx and Dovecot send whole requests with a Content-Length, so that
is what is read here; anything else gets its status and the connection is closed.
"""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from chatmaild.wire import serve
from chatmaild.wire.listening import BACKLOG

MAX_HEAD_BYTES = 16384
MAX_BODY_BYTES = 65536
# a client writes right after connect(), unless the machine has no time for it
FIRST_REQUEST_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A whole request; header names are in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An answer; `content_type` counts only with a body."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Request], Awaitable[Response]]


def json_response(content: Any, status: int = 200, **headers: str) -> Response:
    """An answer with a JSON document; `allow="POST"` adds a header `Allow: POST`."""
    return Response(
        status=status,
        body=json.dumps(content, ensure_ascii=False).encode(),
        content_type="application/json; charset=utf-8",
        headers={name.replace("_", "-").title(): value for name, value in headers.items()},
    )


@contextlib.asynccontextmanager
async def http(
    listener: socket.socket, handler: Handler, refusal: Callable[[int], Response] | None = None
) -> AsyncIterator[None]:
    """Serve while the context is open; at its end, answer what has been asked.

    Args:
        refusal: the answer to a request that cannot be read, from its status; the body is free.
    """
    connections: set[_Connection] = set()
    loop = asyncio.get_running_loop()

    def connection() -> _Connection:
        return _Connection(handler, refusal or _plain_refusal, connections)

    # for unix sockets, too: create_unix_server would remove the file that a successor needs
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
        busy = [c.task for c in connections if c.task]
        if busy:
            await asyncio.wait(busy, timeout=serve.DRAIN_S)
        for left in list(connections):
            left.close()


def _plain_refusal(status: int) -> Response:
    return Response(status=status, body=HTTPStatus(status).phrase.encode())


class _Connection(asyncio.Protocol):
    """One connection: requests one after the other."""

    def __init__(
        self, handler: Handler, refusal: Callable[[int], Response], connections: "set[_Connection]"
    ) -> None:
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
        self._buffer += data
        if self.task is None:
            self._next()
        elif len(self._buffer) > MAX_HEAD_BYTES + MAX_BODY_BYTES:
            self.close()

    def _next(self) -> None:
        """Start with the next request if it is there as a whole."""
        try:
            request, used = parse_request(self._buffer)
        except HttpError as error:
            self._buffer.clear()
            self.asked.set()
            self._answer(self._refusal(error.status), keep=False)
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
        keep = request.headers.get("connection", "").lower() != "close"
        self._answer(response, keep=keep, head_only=request.method == "HEAD")
        if keep and self._buffer:
            self._next()

    def _answer(self, response: Response, *, keep: bool, head_only: bool = False) -> None:
        if not self._transport:
            return
        lines = [f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}"]
        if response.body:
            lines.append(f"Content-Type: {response.content_type}")
        lines.append(f"Content-Length: {len(response.body)}")
        lines += [f"{name}: {value}" for name, value in response.headers.items()]
        if not keep:
            lines.append("Connection: close")
        head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
        self._transport.write(head if head_only else head + response.body)
        if not keep:
            self._transport.close()


class HttpError(Exception):
    """A request that cannot be read; carries the status of the answer."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def parse_request(buffer: bytes | bytearray) -> tuple[Request | None, int]:
    """The first request of the buffer and its length; None when more bytes are needed.

    Raises:
        HttpError: 400 for what is no HTTP/1.x, 411, 413, 431 (RFC 9110 section 15.5).
    """
    end = buffer.find(b"\r\n\r\n")
    if end < 0 or end > MAX_HEAD_BYTES:
        if len(buffer) > MAX_HEAD_BYTES:
            raise HttpError(431)
        return None, 0
    first, *lines = bytes(buffer[:end]).decode("latin-1").split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1.") or not parts[1].startswith("/"):
        raise HttpError(400)
    headers = _headers(lines)
    if "transfer-encoding" in headers:
        raise HttpError(411)
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise HttpError(400)
    # before int(): a number of thousands of digits is an error there
    if len(length) > 9 or int(length) > MAX_BODY_BYTES:
        raise HttpError(413)
    stop = end + 4 + int(length)
    if len(buffer) < stop:
        return None, 0
    path, _, query = parts[1].partition("?")
    body = bytes(buffer[end + 4 : stop])
    return Request(method=parts[0], path=path, query=query, headers=headers, body=body), stop


def _headers(lines: list[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise HttpError(400)
        name = name.lower()
        if name == "content-length" and name in headers:
            raise HttpError(400)
        headers[name] = value.strip()
    return headers
