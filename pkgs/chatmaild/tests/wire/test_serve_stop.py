"""Requests during the end of a process are answered, by it or by the next one on its socket."""

import asyncio
import contextlib
import pathlib
import socket
from collections.abc import Callable

import pytest

from chatmaild.wire import serve
from chatmaild.wire.http1 import Request, Response
from chatmaild.wire.http_server import http

from ..waiting import DEADLINE_S

Server = Callable[[socket.socket], contextlib.AbstractAsyncContextManager[None]]

LINE = b"hello\n"
REQUEST = b"POST /new HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
# more turns of the event loop than it takes to accept a connection and read from it
TURNS = range(8)


async def _echo_line(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if line := await reader.readline():
        writer.write(line)
        await writer.drain()


async def _echo_body(request: Request) -> Response:
    return Response(body=request.body)


def _lines(listener: socket.socket) -> contextlib.AbstractAsyncContextManager[None]:
    return serve.streams(listener, _echo_line)


def _requests(listener: socket.socket) -> contextlib.AbstractAsyncContextManager[None]:
    return http(listener, _echo_body)


@pytest.mark.parametrize(
    ("server", "question"),
    [pytest.param(_lines, LINE, id="streams"), pytest.param(_requests, REQUEST, id="http")],
)
@pytest.mark.parametrize("turns", TURNS)
def test_a_request_is_answered(
    tmp_path: pathlib.Path, server: Server, question: bytes, turns: int
) -> None:
    """The process ends this many turns of its event loop after the request was sent."""

    async def scenario() -> bytes:
        listener = serve.listen_unix(tmp_path / "s")
        kept = listener.dup()
        with _connected(tmp_path / "s") as client:
            async with server(listener):
                client.sendall(question)
                await _turn(turns)
            async with server(kept):
                return await _answer(client)

    assert b"hello" in asyncio.run(scenario())


@pytest.mark.parametrize("turns", TURNS)
def test_a_request_that_follows_its_connection(tmp_path: pathlib.Path, turns: int) -> None:
    """A client between connect() and write(): nginx passes a request on once."""

    async def scenario() -> bytes:
        listener = serve.listen_unix(tmp_path / "s")
        kept = listener.dup()
        with _connected(tmp_path / "s") as client:
            async with http(listener, _echo_body):
                await _turn(turns)
                asyncio.get_running_loop().call_later(0.05, client.sendall, REQUEST)
            async with http(kept, _echo_body):
                return await _answer(client)

    assert b"hello" in asyncio.run(scenario())


def _connected(path: pathlib.Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(path))
    client.setblocking(False)
    return client


async def _turn(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def _answer(client: socket.socket) -> bytes:
    async with asyncio.timeout(DEADLINE_S):
        return await asyncio.get_running_loop().sock_recv(client, 1000)
