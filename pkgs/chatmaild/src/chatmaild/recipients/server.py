"""The socketmap server: one netstring in, one out. A fault of ours is TEMP, so that mail waits."""

import asyncio

from chatmaild import serve
from chatmaild.recipients.maps import Maps
from chatmaild.recipients.netstring import netstring, read_netstring


def connection(maps: Maps) -> serve.Connection:
    """The handler of Postfix' connections."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (request := await read_netstring(reader)) is not None:
            writer.write(netstring(reply(maps, request)))
            await writer.drain()

    return handle


def reply(maps: Maps, request: bytes) -> bytes:
    """The answer to one request; never raises."""
    try:
        return maps.answer(request.decode("utf-8", "surrogateescape")).encode()
    except Exception as error:
        serve.log_error("recipients", error)
        return b"TEMP the accounts service has a problem"
