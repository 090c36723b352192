"""Serve and query Postfix' socketmaps (socketmap_table(5)): `MAP KEY` in one netstring.

The answer is the next netstring: `OK VALUE`, `NOTFOUND `, `TEMP REASON` (mail waits) or
`PERM REASON`. A netstring is a length in decimal, a colon, the bytes, a comma: `5:hello,`.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from chatmaild.errors import ProtocolError
from chatmaild.logs import log_error
from chatmaild.wire.serve import Connection

NOT_FOUND: Final = "NOTFOUND "
NO_SUCH_MAP: Final = "PERM no such map"
# the server answers from memory, or after one access to the disk
_LOOKUP_S: Final = 10.0
# look-ups of several messages at once
_MAX_KEPT: Final = 5
# Postfix' requests are a map's name and an address
_MAX_BYTES: Final = 4096
_MAX_DIGITS: Final = len(str(_MAX_BYTES))

LookUp = Callable[[str, str], str]  # map and key -> answer
# one that asks another machine
AsyncLookUp = Callable[[str, str], Awaitable[str]]


def found(value: str) -> str:
    """Return the answer for a key that has a value."""
    return f"OK {value}"


def temporary(reason: str) -> str:
    """Return the answer for a key that cannot be looked up now: mail waits."""
    return f"TEMP {reason}"


def connection(look_up: LookUp | AsyncLookUp) -> Connection:
    """Return the handler of Postfix' connections."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (request := await read_netstring(reader)) is not None:
            writer.write(netstring(await reply(look_up, request)))
            await writer.drain()

    return handle


async def reply(look_up: LookUp | AsyncLookUp, request: bytes) -> bytes:
    """Answer one request; an error of ours is TEMP, so that mail waits. Never raises."""
    name, _, key = request.decode("utf-8", "surrogateescape").partition(" ")
    try:
        answer = look_up(name, key)
        return (answer if isinstance(answer, str) else await answer).encode()
    except Exception as error:
        log_error("socketmap", error)
        return temporary("the look-up failed").encode()


class Client:
    """Asks one socketmap server; keeps a few connections open between look-ups.

    Args:
        path: the server's unix socket.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._kept: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def any_found(self, name: str, keys: Sequence[str]) -> bool:
        """Ask whether a map has at least one of the keys.

        Raises:
            OSError: the server does not answer (TimeoutError among others).
            ProtocolError: it answers neither OK nor NOTFOUND.
        """
        async with asyncio.timeout(_LOOKUP_S):
            if self._kept:
                # a server that restarts ends open connections; look-ups can be repeated
                with contextlib.suppress(OSError, EOFError):
                    return await self._ask(*self._kept.pop(), name, keys)
            return await self._ask(*await asyncio.open_unix_connection(self._path), name, keys)

    def close(self) -> None:
        """Close all kept connections."""
        while self._kept:
            self._kept.pop()[1].close()

    async def _ask(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        name: str,
        keys: Sequence[str],
    ) -> bool:
        try:
            is_found = await _any_found(reader, writer, name, keys)
        except BaseException:
            writer.close()
            raise
        if len(self._kept) < _MAX_KEPT:
            self._kept.append((reader, writer))
        else:
            writer.close()
        return is_found


async def any_found(path: str, name: str, keys: Sequence[str]) -> bool:
    """Ask the server behind a unix socket once; see `Client.any_found`."""
    client = Client(path)
    try:
        return await client.any_found(name, keys)
    finally:
        client.close()


async def _any_found(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, name: str, keys: Sequence[str]
) -> bool:
    for key in keys:
        writer.write(netstring(f"{name} {key}".encode()))
        answer = await read_netstring(reader)
        if answer is None:
            raise ConnectionResetError("the socketmap server closed the connection")
        if _is_found(answer):
            return True
    return False


def _is_found(answer: bytes) -> bool:
    if not answer.startswith((b"OK ", b"NOTFOUND ")):
        raise ProtocolError("the socketmap server has no answer")
    return answer.startswith(b"OK ")


async def read_netstring(reader: asyncio.StreamReader) -> bytes | None:
    """Read the next netstring; None when the peer closes between two.

    Raises:
        ProtocolError: no netstring, or one of more than 4096 bytes.
        asyncio.IncompleteReadError: the peer closes within one.
    """
    digits = b""
    while (char := await reader.read(1)) != b":":
        if not char and not digits:
            return None
        digits += char
        if not char.isdigit() or len(digits) > _MAX_DIGITS or digits.startswith(b"00"):
            raise ProtocolError("no netstring")
    if not digits or int(digits) > _MAX_BYTES:
        raise ProtocolError("no netstring of an acceptable length")
    content = await reader.readexactly(int(digits) + 1)
    if content[-1:] != b",":
        raise ProtocolError("a netstring ends with a comma")
    return content[:-1]


def netstring(content: bytes) -> bytes:
    """Write the content as a netstring."""
    return b"%d:%b," % (len(content), content)
