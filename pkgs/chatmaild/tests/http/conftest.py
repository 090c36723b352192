"""A server whose handler tells what it got, and a client that sends octets."""

import asyncio
import contextlib
import json
import pathlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

import pytest

from chatmaild import serve
from chatmaild.http.messages import HttpError, Request, Response, json_response
from chatmaild.http.server import connection

DEADLINE_S = 20.0
MAX_BODY_BYTES = 1000


@dataclass
class Server:
    """A server, and what came to it.

    Attributes:
        received: method, path, query and body of each request that was read to its end.
        stall: the handler waits for it with a request in its hands.
    """

    path: pathlib.Path
    received: list[tuple[str, str, str, bytes]] = field(default_factory=list)
    stall: asyncio.Event | None = None
    busy: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: Request) -> Response:
        """Answer with the length of the body; /early does so without having read it."""
        if request.path == "/early":
            return Response(status=403, body=b"no")
        if request.path == "/fault":
            raise RuntimeError("alice@chat.example.org")
        body = await request.body.read(MAX_BODY_BYTES)
        self.received.append((request.method, request.path, request.query, body))
        self.busy.set()
        if self.stall is not None:
            await self.stall.wait()
        return json_response({"bytes": len(body)})

    async def sends(self, *pieces: bytes, eof: bool = True) -> bytes:
        """All answers on one connection, which the client ends on its side with `eof`."""
        reader, writer = await asyncio.open_unix_connection(str(self.path))
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            if eof:
                writer.write_eof()
        try:
            return await reader.read()
        finally:
            writer.close()


def refusal(status: int) -> Response:
    """The answer of this server to what it cannot read."""
    return Response(status=status, body=json.dumps({"reason": str(HttpError(status))}).encode())


@pytest.fixture
def server(
    tmp_path: pathlib.Path,
) -> Callable[..., AbstractAsyncContextManager[Server]]:
    """Opens a server; `keep_alive=False` for one request a connection."""

    @contextlib.asynccontextmanager
    async def opened(*, keep_alive: bool = True) -> AsyncIterator[Server]:
        made = Server(tmp_path / "http")
        handler = connection(made.handle, refusal=refusal, keep_alive=keep_alive)
        async with (
            asyncio.timeout(DEADLINE_S),
            serve.streams(serve.listen_unix(made.path), handler),
        ):
            yield made

    return opened
