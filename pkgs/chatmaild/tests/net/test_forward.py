"""Connections pass through to the first machine that answers."""

import asyncio
import contextlib
import pathlib
import socket
from collections.abc import AsyncIterator

import pytest

from chatmaild.errors import SettingsError
from chatmaild.net import forward
from chatmaild.settings import Settings
from chatmaild.wire import serve
from chatmaild.wire.listening import listen_tcp

from ..waiting import DEADLINE_S

MEGABYTE = 1 << 20


@contextlib.asynccontextmanager
async def _forwarding(*addresses: str) -> AsyncIterator[tuple[str, int]]:
    """Serve an echo on a port of 127.0.0.1, and forward another port to it."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()
        writer.write(b"end")
        writer.write_eof()

    behind, before = listen_tcp("127.0.0.1", 0), listen_tcp("127.0.0.1", 0)
    port = behind.getsockname()[1]
    async with (
        serve.streams(behind, echo),
        serve.streams(before, forward.connection(addresses, port)),
    ):
        yield before.getsockname()[:2]


def test_both_directions() -> None:
    """More than a buffer, and an end of file after which the answer still comes."""
    sent = bytes(range(256)) * (MEGABYTE // 256)

    async def scenario() -> bytes:
        # nobody listens at the first address
        async with _forwarding("127.0.0.9", "127.0.0.1") as place:
            reader, writer = await asyncio.open_connection(*place)
            writer.write(sent)
            writer.write_eof()
            received = await asyncio.wait_for(reader.read(), DEADLINE_S)
            writer.close()
            return received

    assert asyncio.run(scenario()) == sent + b"end"


def test_nobody_answers() -> None:
    """The client sees a closed connection, and tries again."""

    async def scenario() -> bytes:
        async with _forwarding("127.0.0.9") as place:
            reader, writer = await asyncio.open_connection(*place)
            received = await asyncio.wait_for(reader.read(), DEADLINE_S)
            writer.close()
            return received

    assert asyncio.run(scenario()) == b""


def test_a_client_that_resets() -> None:
    """Ends its own connection alone."""

    async def scenario() -> bytes:
        async with _forwarding("127.0.0.1") as place:
            with socket.create_connection(place) as client:
                client.sendall(b"x")
                # RST at close (socket(7))
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            reader, writer = await asyncio.open_connection(*place)
            writer.write(b"y")
            writer.write_eof()
            received = await asyncio.wait_for(reader.read(), DEADLINE_S)
            writer.close()
            return received

    assert asyncio.run(scenario()) == b"yend"


def test_ports(settings: Settings) -> None:
    """IMAP for everybody; submission from nginx; never port 25 and the web."""
    found = forward.routes(settings)

    assert found["0.0.0.0", 993] == 993
    assert found["::", 143] == 143
    assert found["127.0.0.1", 8465] == 465
    assert found["127.0.0.1", 8587] == 587
    assert len(found) == 6


@pytest.mark.parametrize("text", [None, "", " \n"])
def test_no_machine(tmp_path: pathlib.Path, text: str | None) -> None:
    """The unit does not start again and again."""
    file = tmp_path / "forward"
    if text is not None:
        file.write_text(text)

    with pytest.raises(SettingsError, match="forward: "):
        forward.read_addresses(file)
