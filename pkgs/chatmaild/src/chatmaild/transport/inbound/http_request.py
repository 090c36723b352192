"""The requests that nginx forwards: a header, then a body of known length (RFC 9112).

The accounts service reads whole requests of at most 64 KB; here the body is streamed and a header
may repeat, so this is a reader of its own.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus

# 1000 recipients of 64 octets each; limit of the stream that is read from
MAX_HEAD_BYTES = 131072
PIECE_BYTES = 65536
# nginx has the whole request before we see it; what stands still here is nginx itself
READ_S = 60.0


class HttpError(Exception):
    """A request that cannot be served; carries the status of the answer."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What comes before the body.

    Attributes:
        fields: names in lower case, values as UTF-8, in their order.
        content_length: length of the body, in bytes.
    """

    method: str
    path: str
    fields: tuple[tuple[str, str], ...]
    content_length: int

    def values(self, name: str) -> list[str]:
        """All values of a header field."""
        return [value for key, value in self.fields if key == name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An answer of one line."""

    status: int
    body: str
    allow: str = ""


async def read_head(reader: asyncio.StreamReader) -> Head:
    """The header of the next request.

    Raises:
        HttpError: 400, 411 or 431.
        EOFError: the connection ended before it.
    """
    try:
        data = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError as error:
        raise HttpError(431, "Request Header Fields Too Large") from error
    return parse_head(data)


def parse_head(data: bytes) -> Head:
    """The header of a request, from its octets up to the empty line.

    Raises:
        HttpError: 400 or 411.
    """
    first, *lines = data.decode(errors="surrogateescape").split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise HttpError(400, "Bad Request")
    fields = tuple(_field(line) for line in lines if line)
    lengths = [value for name, value in fields if name == "content-length"]
    if any(name == "transfer-encoding" for name, _ in fields) or len(lengths) > 1:
        raise HttpError(411, "Length Required")
    length = lengths[0] if lengths else "0"
    if not (length.isascii() and length.isdigit() and len(length) < 16):
        raise HttpError(400, "Bad Request")
    path = parts[1].partition("?")[0]
    return Head(method=parts[0], path=path, fields=fields, content_length=int(length))


def _field(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    # a bare CR or LF, or a line that continues the one before (RFC 9112 section 5.2)
    if not colon or not name or name != name.strip() or "\n" in line or "\r" in line:
        raise HttpError(400, "Bad Request")
    return name.lower(), value.strip()


class BodyEndsEarlyError(EOFError):
    """The client left in the middle of a body."""


class Body:
    """The body of a request, read piece by piece.

    Attributes:
        left_bytes: how much of it has not been read yet.
    """

    def __init__(self, reader: asyncio.StreamReader, length_bytes: int) -> None:
        self._reader = reader
        self.left_bytes = length_bytes

    async def pieces(self) -> AsyncIterator[bytes]:
        """What has not been read yet.

        Raises:
            BodyEndsEarlyError: the connection ended before the body.
            TimeoutError: it stands still.
        """
        while self.left_bytes:
            async with asyncio.timeout(READ_S):
                piece = await self._reader.read(min(self.left_bytes, PIECE_BYTES))
            if not piece:
                raise BodyEndsEarlyError
            self.left_bytes -= len(piece)
            yield piece

    async def discard(self) -> None:
        """Read the rest, because who still writes does not read the answer."""
        with contextlib.suppress(OSError, EOFError):
            async for _ in self.pieces():
                pass


def respond(writer: asyncio.StreamWriter, response: Response) -> None:
    """Send an answer; the connection ends after it."""
    body = response.body.encode(errors="replace")
    lines = [
        f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}",
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    if response.allow:
        lines.append(f"Allow: {response.allow}")
    writer.write("\r\n".join([*lines, "", ""]).encode() + body)
