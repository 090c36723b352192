"""Pass connections of mail clients on to another machine, after the relay has moved there.

Clients that still have the old IP address in their DNS cache go on: TLS and login are between them
and the new machine. nginx still listens on ports 465 and 587 here, and connects to Postfix' ports,
which are ours now. Port 25 stays closed: servers try again, and see the new address.
"""

import asyncio
import contextlib
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from chatmaild.errors import SettingsError
from chatmaild.settings import Settings
from chatmaild.wire import serve

# less than a client's own patience, with two addresses to try
CONNECT_S: Final = 5.0
_CHUNK_BYTES: Final = 65536
# RFC 2177: an idle IMAP client speaks every 29 minutes; TCP notices a dead one
_KEEPALIVE_S: Final = 300


def routes(settings: Settings) -> dict[tuple[str, int], int]:
    """Return the port of the new machine by host and port that this machine listens on."""
    ports = settings.ports
    everywhere = ["0.0.0.0", *(["::"] if settings.network.ipv6 else [])]  # noqa: S104
    public = {(host, port): port for host in everywhere for port in (ports.imap, ports.imaps)}
    return public | {
        ("127.0.0.1", ports.submission_internal): ports.submission,
        ("127.0.0.1", ports.submissions_internal): ports.submissions,
    }


def read_addresses(file: Path) -> list[str]:
    """Return the IP addresses of the new machine, one a line.

    Raises:
        SettingsError: there is none.
    """
    try:
        addresses = file.read_text().split()
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}") from error
    if not addresses:
        raise SettingsError(f"{file}: no IP address")
    return addresses


def run(settings: Settings, file: Path) -> None:
    """Serve until SIGTERM.

    Raises:
        SettingsError: the file names no machine.
        OSError: a port cannot be used.
    """
    addresses = read_addresses(file)

    async def set_up(stack: contextlib.AsyncExitStack) -> None:
        for (host, port), target in routes(settings).items():
            listener = serve.listen_tcp(host, port)
            await stack.enter_async_context(
                serve.streams(listener, connection(addresses, target), limit_bytes=_CHUNK_BYTES)
            )

    serve.run(set_up)


def connection(addresses: Sequence[str], port: int) -> serve.Connection:
    """Return a handler that connects a client to the first address that answers."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found = await _connect(addresses, port)
        if found is None:
            return
        there, to_there = found
        try:
            for end in (writer, to_there):
                _keep_alive(end)
            async with asyncio.TaskGroup() as both:
                both.create_task(_pass_on(reader, to_there))
                both.create_task(_pass_on(there, writer))
        except* OSError:
            pass  # one side is gone
        finally:
            to_there.close()

    return handle


async def _connect(
    addresses: Sequence[str], port: int
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
    for address in addresses:
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(CONNECT_S):
                return await asyncio.open_connection(address, port, limit=_CHUNK_BYTES)
    return None


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(_CHUNK_BYTES):
        writer.write(chunk)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


def _keep_alive(writer: asyncio.StreamWriter) -> None:
    end: socket.socket = writer.get_extra_info("socket")
    end.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _KEEPALIVE_S)
