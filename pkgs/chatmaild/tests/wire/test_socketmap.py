"""The client of a socketmap server: one connection for many look-ups."""

import asyncio
import contextlib
import pathlib
from collections.abc import AsyncIterator

import pytest

from chatmaild.errors import ProtocolError
from chatmaild.wire.socketmap import Client, connection

from ..waiting import DEADLINE_S


class Server:
    """Knows `bob`, and counts connections."""

    def __init__(self) -> None:
        self.connections = 0
        self.writers: list[asyncio.StreamWriter] = []
        self.tasks: list[asyncio.Task[None] | None] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection."""
        self.connections += 1
        self.writers.append(writer)
        self.tasks.append(asyncio.current_task())
        with contextlib.suppress(OSError, EOFError):
            await connection(self._look_up)(reader, writer)
        writer.close()

    def _look_up(self, _: str, key: str) -> str:
        return {"bob": "OK x", "fault": "TEMP busy"}.get(key, "NOTFOUND ")


@contextlib.asynccontextmanager
async def serving(directory: pathlib.Path) -> AsyncIterator[tuple[Server, Client]]:
    """A server and its client."""
    server, path = Server(), str(directory / "map.sock")
    listener = await asyncio.start_unix_server(server.serve, path)
    client = Client(path)
    try:
        async with asyncio.timeout(DEADLINE_S):
            yield server, client
    finally:
        client.close()
        listener.close()
        await asyncio.gather(*filter(None, server.tasks), return_exceptions=True)


def test_look_ups_share_a_connection(socket_directory: pathlib.Path) -> None:
    """The first key that is found decides; look-ups at the same time have one each."""

    async def scenario() -> None:
        async with serving(socket_directory) as (server, client):
            for keys, expected in ((["eve", "bob"], True), (["eve"], False), ([], False)):
                assert expected is await client.any_found("recipients", keys)
            assert server.connections == 1

            several = (client.any_found("recipients", ["bob"]) for _ in range(3))
            assert await asyncio.gather(*several) == [True] * 3
            assert server.connections <= 3

    asyncio.run(scenario())


def test_a_look_up_survives_a_restart_of_the_server(socket_directory: pathlib.Path) -> None:
    """It closed the connection that was kept."""

    async def scenario() -> None:
        async with serving(socket_directory) as (server, client):
            await client.any_found("recipients", ["bob"])
            server.writers[0].close()

            assert await client.any_found("recipients", ["bob"])
            assert server.connections == 2

    asyncio.run(scenario())


def test_a_fault_is_no_answer(socket_directory: pathlib.Path) -> None:
    """The message waits; without a server, too."""

    async def scenario() -> None:
        async with serving(socket_directory) as (_, client):
            with pytest.raises(ProtocolError):
                await client.any_found("recipients", ["fault"])
            with pytest.raises(FileNotFoundError):
                await Client(str(socket_directory / "none")).any_found("recipients", ["bob"])

    asyncio.run(scenario())
