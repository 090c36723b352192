"""Read and write HTTP/1.1 messages (RFC 9112): one reader for logins, events, /new and /mxdeliv.

nginx passes on what strangers write, so the reader is strict: a field is one line, its name is a
token, no control characters, one Host, one Content-Length, no chunks, a path as target. Other
requests get their status and the connection is closed. `http_server` serves whole requests;
/mxdeliv reads its bodies in pieces.

Why no library: h11 and httptools are cheap enough, but not strict. Figures of
`bench/http_readers.py`, 60 paired rounds, Python 3.11, CPU time; a login over TLS with a known
password takes 3.4 ms of Dovecot's and 0.5 ms of the accounts service's:

    reader             login            /mxdeliv, 20 kB   memory
    this one           11 us            25 us
    h11 0.14           50 us (+1.0 %)   57 us             +0.5 MB
    httptools 0.1.1     6 us (-0.1 %)    7 us

Both take folded fields, a bare LF as the end of a line, an absolute URL as target, and chunks; h11
also control characters and equal lengths twice, httptools also blanks before the colon, an empty
line first and no Host. The checks to add in front of them are as long as this reader.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

# a whole request; a browser's cookies and languages fit
MAX_HEAD_BYTES: Final = 16384
MAX_BODY_BYTES: Final = 65536
PIECE_BYTES: Final = 65536
# nginx sends a request when it has all of it, so a body that stalls is a fault of nginx
READ_S: Final = 60.0

_TOKEN: Final = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - RFC 9110 section 5.6.2
_REQUEST_LINE: Final = re.compile(rf"({_TOKEN}) (/[!-~]*) HTTP/1\.([0-9])")
_NAME: Final = re.compile(_TOKEN)
# all but the tab: RFC 9110 section 5.5 allows no other, and a bare CR or LF ends a line for some
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
# more than any limit has
_MAX_LENGTH_DIGITS: Final = 15


class HttpError(Exception):
    """A request that cannot be read; carries the status of the answer."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What comes before the body.

    Attributes:
        path: begins with a slash, is ASCII, and has no query.
        fields: names in lower case, values as UTF-8 with surrogate escapes, in their order.
        content_length: length of the body in bytes.
        keep_alive: whether the client may send another request on this connection.
    """

    method: str
    path: str
    query: str
    fields: tuple[tuple[str, str], ...]
    content_length: int
    keep_alive: bool

    def values(self, name: str) -> list[str]:
        """Return all values of a header field."""
        return [value for key, value in self.fields if key == name]

    def value(self, name: str) -> str:
        """Return the value of a header field, joined by commas (RFC 9110 section 5.3), or ""."""
        return ", ".join(self.values(name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A whole request."""

    head: Head
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An answer; `content_type` counts only with a body."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)

    def encode(self, *, keep_alive: bool, head_only: bool = False) -> bytes:
        """Return the bytes to send; `head_only` leaves out the body, for HEAD."""
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"]
        if self.body:
            lines.append(f"Content-Type: {self.content_type}")
        lines.append(f"Content-Length: {len(self.body)}")
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if not keep_alive:
            lines.append("Connection: close")
        head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
        return head if head_only else head + self.body


def plain_response(status: int, **headers: str) -> Response:
    """Return an answer whose body is the phrase of its status; headers as in `json_response`."""
    body = HTTPStatus(status).phrase.encode()
    return Response(status=status, body=body, headers=_header_names(headers))


def json_response(content: Any, status: int = 200, **headers: str) -> Response:
    """Return an answer with a JSON document; `allow="POST"` adds a header `Allow: POST`."""
    return Response(
        status=status,
        body=json.dumps(content, ensure_ascii=False).encode(),
        content_type="application/json; charset=utf-8",
        headers=_header_names(headers),
    )


def _header_names(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-").title(): value for name, value in headers.items()}


def parse_request(buffer: bytes | bytearray) -> tuple[Request | None, int]:
    """Return the first request of the buffer and its length; None when more bytes are needed.

    Raises:
        HttpError: 413, 431 (RFC 9110 section 15.5), and what `parse_head` raises.
    """
    end = buffer.find(b"\r\n\r\n")
    if end < 0 or end > MAX_HEAD_BYTES:
        if len(buffer) > MAX_HEAD_BYTES:
            raise HttpError(431)
        return None, 0
    head = parse_head(bytes(buffer[:end]))
    if head.content_length > MAX_BODY_BYTES:
        raise HttpError(413)
    start, stop = end + 4, end + 4 + head.content_length
    if len(buffer) < stop:
        return None, 0
    return Request(head=head, body=bytes(buffer[start:stop])), stop


def parse_head(data: bytes) -> Head:
    """Parse the header of a request, with or without the empty line at its end.

    Raises:
        HttpError: 400, 411 for a Transfer-Encoding, 413 for a length beyond all limits.
    """
    text = data.removesuffix(b"\r\n\r\n").decode(errors="surrogateescape")
    first, *lines = text.split("\r\n")
    start = _REQUEST_LINE.fullmatch(first)
    if start is None or _CONTROL.search(text.replace("\r\n", "")):
        raise HttpError(400)
    fields = tuple(map(_field, lines))
    length, hosts, closes = _framing(fields)
    is_1_0 = start[3] == "0"
    if hosts > 1 or not (hosts or is_1_0):  # RFC 9112 section 3.2
        raise HttpError(400)
    path, _, query = start[2].partition("?")
    return Head(
        method=start[1],
        path=path,
        query=query,
        fields=fields,
        content_length=length,
        keep_alive=not (closes or is_1_0),
    )


def _field(line: str) -> tuple[str, str]:
    # a line that continues the one before begins with a blank (RFC 9112 section 5.2)
    name, colon, value = line.partition(":")
    if not colon or not _NAME.fullmatch(name):
        raise HttpError(400)
    return name.lower(), value.strip(" \t")


def _framing(fields: tuple[tuple[str, str], ...]) -> tuple[int, int, bool]:
    """Return the length of the body, the number of Host fields, and whether the client closes."""
    length, hosts, closes = "", 0, False
    for name, value in fields:
        if name == "content-length":
            if length or not (value.isascii() and value.isdigit()):
                raise HttpError(400)
            length = value
        elif name == "transfer-encoding":
            raise HttpError(411)
        elif name == "host":
            hosts += 1
        elif name == "connection":
            closes |= "close" in [option.strip(" \t") for option in value.lower().split(",")]
    if len(length) > _MAX_LENGTH_DIGITS:
        raise HttpError(413)
    return int(length or "0"), hosts, closes


async def read_head(reader: asyncio.StreamReader) -> Head:
    """Read the header of the next request; the limit of the stream is the limit of its length.

    Raises:
        HttpError: 431, and what `parse_head` raises.
        EOFError: the connection ended before it.
    """
    try:
        data = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError as error:
        raise HttpError(431) from error
    return parse_head(data)


class BodyEndsEarlyError(EOFError):
    """The client closed the connection in the middle of a body."""


class Body:
    """The body of a request, read in pieces.

    Attributes:
        left_bytes: how much of it has not been read yet.
    """

    def __init__(self, reader: asyncio.StreamReader, length_bytes: int) -> None:
        self._reader = reader
        self.left_bytes = length_bytes

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield what has not been read yet.

        Raises:
            BodyEndsEarlyError: the connection ended before the body.
            TimeoutError: no byte came for 60 s.
        """
        while self.left_bytes:
            async with asyncio.timeout(READ_S):
                piece = await self._reader.read(min(self.left_bytes, PIECE_BYTES))
            if not piece:
                raise BodyEndsEarlyError
            self.left_bytes -= len(piece)
            yield piece

    async def discard(self) -> None:
        """Read the rest: a client that still writes does not read the answer."""
        with contextlib.suppress(OSError, EOFError):
            async for _ in self.pieces():
                pass
