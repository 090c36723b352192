"""Postfix' table protocol: `MAP KEY` in one netstring, the answer in the next (socketmap_table(5)).

An answer is `OK VALUE`, `NOTFOUND `, `TEMP REASON` (mail waits) or `PERM REASON`.
"""

import asyncio
from collections.abc import Callable, Sequence

from chatmaild.errors import ProtocolError
from chatmaild.logs import log_error
from chatmaild.wire.netstring import netstring, read_netstring
from chatmaild.wire.serve import Connection

NOT_FOUND = "NOTFOUND "
NO_SUCH_MAP = "PERM no such map"
# the server answers from memory, or from one look at the disk
_LOOKUP_S = 10.0

LookUp = Callable[[str, str], str]  # map and key -> answer


def found(value: str) -> str:
    """Return the answer for a key that has a value."""
    return f"OK {value}"


def connection(look_up: LookUp) -> Connection:
    """Return the handler of Postfix' connections."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (request := await read_netstring(reader)) is not None:
            writer.write(netstring(reply(look_up, request)))
            await writer.drain()

    return handle


def reply(look_up: LookUp, request: bytes) -> bytes:
    """Answer one request; an error of ours is TEMP, so that mail waits. Never raises."""
    name, _, key = request.decode("utf-8", "surrogateescape").partition(" ")
    try:
        return look_up(name, key).encode()
    except Exception as error:
        log_error("socketmap", error)
        return b"TEMP the look-up failed"


async def any_found(path: str, name: str, keys: Sequence[str]) -> bool:
    """Ask the server behind a unix socket whether a map has at least one of the keys.

    Raises:
        OSError: the server does not answer (TimeoutError among others).
        ProtocolError: it answers neither OK nor NOTFOUND.
    """
    async with asyncio.timeout(_LOOKUP_S):
        reader, writer = await asyncio.open_unix_connection(path)
        try:
            for key in keys:
                writer.write(netstring(f"{name} {key}".encode()))
                if _is_found(await read_netstring(reader)):
                    return True
        finally:
            writer.close()
    return False


def _is_found(answer: bytes | None) -> bool:
    if answer is None or not answer.startswith((b"OK ", b"NOTFOUND ")):
        raise ProtocolError("the socketmap server has no answer")
    return answer.startswith(b"OK ")
