"""Send requests to HTTP/1.1 servers and read their answers (RFC 9112), with asyncio streams."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from chatmaild.errors import ProtocolError

# as much as `http1` takes of a request
MAX_BODY_BYTES: Final = 65536

_STATUS_LINE: Final = re.compile(r"HTTP/1\.([01]) ([1-5][0-9]{2})(?: .*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The parts of an HTTP response that are needed.

    Attributes:
        body: at most as many bytes as the reader asked for.
        keep: whether the connection can be reused.
    """

    status: int
    body: bytes
    keep: bool


class Connection:
    """A connection to an HTTP server, for one request after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, host: str, port: int) -> Self:
        """Connect to a TCP port.

        Raises:
            OSError: nothing listens there, or the host is not reached.
        """
        return cls(*await asyncio.open_connection(host, port))

    @property
    def alive(self) -> bool:
        """Whether neither side has closed it, as far as is known."""
        return not (self._reader.at_eof() or self._writer.is_closing())

    async def ask(self, message: bytes) -> Answer:
        """Send a request; return the answer. Close the connection unless `Answer.keep`.

        Raises:
            OSError: the connection broke.
            EOFError: it ended before the answer.
            ProtocolError: the answer is not HTTP/1.x.
        """
        self._writer.write(message)
        return await read_answer(self._reader, MAX_BODY_BYTES)

    def close(self) -> None:
        """Close the connection without waiting; a request that is not answered fails."""
        self._writer.transport.abort()


def request(
    method: str, target: str, *, host: str, body: bytes = b"", headers: Mapping[str, str]
) -> bytes:
    """Return the bytes of a request.

    Args:
        target: path and query, without spaces and control characters.
        headers: further fields, which the caller has checked.
    """
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


async def read_answer(reader: asyncio.StreamReader, most_bytes: int) -> Answer:
    """Return the final response.

    Raises:
        ProtocolError: not HTTP/1.x.
        EOFError: the connection ended before it.
    """
    status = 100
    while status < 200:
        status, headers = await read_head(reader)
    return await read_body(reader, status, headers, most_bytes)


async def read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    """Return the status of the next response and its header fields, with names in lower case.

    Raises:
        ProtocolError: not HTTP/1.x.
        EOFError: the connection ended before it.
    """
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError as error:
        raise ProtocolError("header too long") from error
    first, *lines = head.decode("latin-1").split("\r\n")
    match = _STATUS_LINE.fullmatch(first)
    if match is None:
        raise ProtocolError("no status line")
    headers = {"connection": "close"} if match[1] == "0" else {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return int(match[2]), headers


async def read_body(
    reader: asyncio.StreamReader, status: int, headers: Mapping[str, str], most_bytes: int
) -> Answer:
    """Return the response whose header was read, with at most so many bytes of its body.

    Raises:
        ProtocolError: not HTTP/1.1.
        EOFError: the connection ended before it.
    """
    length = headers.get("content-length", "")
    if status in (204, 304):
        length = "0"
    if "transfer-encoding" not in headers and length.isascii() and length.isdigit():
        size_bytes = int(length) if len(length) < 10 else most_bytes + 1
        body = await reader.readexactly(min(size_bytes, most_bytes))
        keep = size_bytes <= most_bytes and headers.get("connection", "").lower() != "close"
        return Answer(status=status, body=body, keep=keep)
    if "transfer-encoding" in headers:
        # the status and the first chunk are enough
        try:
            await reader.readuntil(b"\r\n")
        except asyncio.LimitOverrunError as error:
            raise ProtocolError("no chunk") from error
    return Answer(status=status, body=await reader.read(most_bytes), keep=False)
