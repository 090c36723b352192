"""Serving of HTTP requests that arrive at once."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, closing
from pathlib import Path

import pytest

from chatmaild.wire import socketmap
from chatmaild.wire.http1 import Request, Response
from chatmaild.wire.http_server import STARTS_IN_A_TURN, http
from chatmaild.wire.listening import listen_unix
from chatmaild.wire.serve import streams

# Dovecot has as many connections
REQUESTS = 250
REQUEST = b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
# asyncio reads, answers and writes in different turns
MOST_BEFORE = 8 * STARTS_IN_A_TURN


@pytest.fixture
def clients() -> Iterator[list[socket.socket]]:
    """Sockets that are closed at the end."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(closing(socket.socket(socket.AF_UNIX))) for _ in range(REQUESTS + 1)
        ]


def test_a_look_up_does_not_wait_behind_all_requests(
    tmp_path: Path, clients: list[socket.socket]
) -> None:
    """All clients of a relay log in at once, and a message needs to know its recipient."""
    handled: list[str] = []
    before_look_up: list[int] = []

    async def handle(request: Request) -> Response:
        handled.append(request.head.path)
        return Response()

    def look_up(_map: str, _key: str) -> str:
        before_look_up.append(len(handled))
        return socketmap.NOT_FOUND

    async def scenario() -> None:
        async with AsyncExitStack() as stack:
            logins = stack.enter_context(listen_unix(str(tmp_path / "logins")))
            look_ups = stack.enter_context(listen_unix(str(tmp_path / "look-ups")))
            await stack.enter_async_context(http(logins, handle))
            await stack.enter_async_context(streams(look_ups, socketmap.connection(look_up)))
            for client in clients[:-1]:
                client.connect(str(tmp_path / "logins"))
            clients[-1].connect(str(tmp_path / "look-ups"))
            while len(asyncio.all_tasks()) < 2:
                await asyncio.sleep(0)
            for client in clients[:-1]:
                client.send(REQUEST)
            clients[-1].send(socketmap.netstring(b"transport alice@chat.example.org"))
            while len(handled) < REQUESTS or not before_look_up:
                await asyncio.sleep(0)

    asyncio.run(scenario())

    assert before_look_up[0] <= MOST_BEFORE


def test_a_stop_answers_all_requests(tmp_path: Path, clients: list[socket.socket]) -> None:
    """Those that have not started yet as well."""
    handled: list[str] = []

    async def handle(request: Request) -> Response:
        handled.append(request.head.path)
        return Response()

    async def scenario() -> None:
        with listen_unix(str(tmp_path / "logins")) as listener:
            async with http(listener, handle):
                for client in clients:
                    client.connect(str(tmp_path / "logins"))
                    client.send(REQUEST)
                while len(handled) < len(clients):
                    await asyncio.sleep(0)
                for client in clients:
                    client.send(REQUEST)

    asyncio.run(scenario())

    assert len(handled) == 2 * len(clients)
