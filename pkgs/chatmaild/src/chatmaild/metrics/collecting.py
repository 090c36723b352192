"""How services with asyncio answer the collector, and how it reads. The filter has no asyncio."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

from chatmaild.metrics.dump import LIMIT_BYTES, TIMEOUT_S, Dump, Make, decode


def connection(
    make: Make,
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    """Return the handler of the collector's connections, for an asyncio service."""

    async def handle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(make())
        await writer.drain()

    return handle


async def read(path: str | Path) -> Dump:
    """Read the numbers of a service.

    Raises:
        OSError: it does not answer in 5 s.
        ProtocolError: the answer cannot be read.
    """
    async with asyncio.timeout(TIMEOUT_S):
        reader, writer = await asyncio.open_unix_connection(path, limit=LIMIT_BYTES)
        try:
            return decode(await reader.read(-1))
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
