"""POST /mxdeliv: one message to one host over HTTP/1.1 (RFC 9112)."""

import asyncio
import re
import ssl
from dataclasses import dataclass
from typing import Protocol

from chatmaild.errors import BusyError, ProtocolError
from chatmaild.logs import kind_of
from chatmaild.transport.envelope import Envelope
from chatmaild.transport.message import Message
from chatmaild.transport.outbound.connections import Connection, Connections
from chatmaild.transport.outbound.exchangers import Exchanger
from chatmaild.transport.outbound.outcome import Broken, Busy, Outcome, Unusable, judge

PATH = "/mxdeliv"
# time for the answer to a complete message
ANSWER_S = 60.0
# slower uploads would exceed Postfix' smtp_data_done_timeout of 600 s
SLOWEST_BYTES_PER_S = 65536
LONGEST_S = 540.0
# RFC 9110 section 10.1.1: a host may not know `100-continue`
CONTINUE_S = 3.0
MAX_BODY_BYTES = 2048

_STATUS_LINE = re.compile(r"HTTP/1\.([01]) ([1-5][0-9]{2})(?: .*)?")


class Client(Protocol):
    """Posts messages to hosts."""

    async def post(self, host: Exchanger, envelope: Envelope, message: Message) -> Outcome:
        """Post a message to a host; return the outcome."""

    def prepare(self, host: Exchanger) -> None:
        """Open a connection in the background, for a message that is expected."""

    def network(self, host: Exchanger) -> str:
        """Return the network of the host at the last connection, or an empty string."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The parts of an HTTP response that are needed.

    Attributes:
        body: at most the first 2048 bytes.
        keep: whether the connection can be reused.
    """

    status: int
    body: bytes
    keep: bool


class HttpsClient:
    """Posts messages over pooled connections."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def post(self, host: Exchanger, envelope: Envelope, message: Message) -> Outcome:
        """Post a message to a host; return the outcome."""
        try:
            connection = await self._connections.take(host)
        except BusyError:
            return Busy()
        except (OSError, UnicodeError) as error:
            # errno of an SSLError is OpenSSL's own number
            tls = isinstance(error, ssl.SSLError)
            return Unusable(
                type(error).__name__ if tls else kind_of(error),
                refused=isinstance(error, ConnectionRefusedError),
            )
        waiting = self._connections.waiting
        if waiting.is_full(connection.address):
            self._connections.keep(connection)
            return Busy()
        with waiting.at(connection.address):
            return await self._offer(connection, envelope, message)

    def prepare(self, host: Exchanger) -> None:
        """Open a connection in the background, for a message that is expected."""
        self._connections.prepare(host)

    def network(self, host: Exchanger) -> str:
        """Return the network of the host at the last connection, or an empty string."""
        return self._connections.networks.get(host.name, "")

    async def _offer(self, connection: Connection, envelope: Envelope, message: Message) -> Outcome:
        answer: Answer | None = None
        limit_s = min(LONGEST_S, ANSWER_S + message.size_bytes / SLOWEST_BYTES_PER_S)
        try:
            async with asyncio.timeout(limit_s) as limit:
                answer = await self._exchange(connection, envelope, message)
        except (OSError, EOFError):
            self._connections.forget(connection.host)
            return Broken(timed_out=limit.expired())
        except ProtocolError:
            return Unusable("no HTTP")
        finally:
            if answer is not None and answer.keep:
                self._connections.keep(connection)
            else:
                connection.close()
        return judge(answer.status, answer.body.decode(errors="replace"))

    async def _exchange(
        self, connection: Connection, envelope: Envelope, message: Message
    ) -> Answer:
        port = self._connections.port
        head = request_head(connection.host, port, envelope, message)
        if message.in_memory:
            connection.writer.write(head + message.small_content())
            return await read_answer(connection.reader)
        connection.writer.write(head)
        early = await _before_the_body(connection.reader)
        if early is not None:
            return early
        try:
            async for piece in message.pieces():
                connection.writer.write(piece)
                await connection.writer.drain()
        except ConnectionError:
            # a host that stops reading has usually answered
            return await read_answer(connection.reader)
        return await read_answer(connection.reader)


def request_head(host: Exchanger, port: int, envelope: Envelope, message: Message) -> bytes:
    """Return request line and header of the POST."""
    name = f"[{host.name}]" if ":" in host.name else host.name
    lines = [
        f"POST {PATH} HTTP/1.1",
        f"Host: {name}" if port == 443 else f"Host: {name}:{port}",
        "User-Agent: chatmaild",
        "Content-Type: message/rfc822",
        f"Content-Length: {message.size_bytes}",
    ]
    if not message.in_memory:
        lines.append("Expect: 100-continue")
    if envelope.sender:
        lines.append(f"X-MAIL-FROM: {envelope.sender}")
    lines += [f"X-MAIL-TO: {recipient}" for recipient in envelope.recipients]
    return "\r\n".join([*lines, "", ""]).encode()


async def _before_the_body(reader: asyncio.StreamReader) -> Answer | None:
    """Return the answer of a host that decides without the body; None if it wants the body."""
    try:
        async with asyncio.timeout(CONTINUE_S):
            status, headers = await _read_head(reader)
    except TimeoutError:
        return None
    if status < 200:
        return None
    answer = await _read_body(reader, status, headers)
    # the body was not sent, so the connection cannot be reused
    return Answer(status=answer.status, body=answer.body, keep=False)


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    """Return the final response.

    Raises:
        ProtocolError: not HTTP/1.x.
        EOFError: the connection ended before it.
    """
    status = 100
    while status < 200:
        status, headers = await _read_head(reader)
    return await _read_body(reader, status, headers)


async def _read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
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


async def _read_body(reader: asyncio.StreamReader, status: int, headers: dict[str, str]) -> Answer:
    length = headers.get("content-length", "")
    if status in (204, 304):
        length = "0"
    if "transfer-encoding" not in headers and length.isascii() and length.isdigit():
        size_bytes = int(length) if len(length) < 10 else MAX_BODY_BYTES + 1
        body = await reader.readexactly(min(size_bytes, MAX_BODY_BYTES))
        keep = size_bytes <= MAX_BODY_BYTES and headers.get("connection", "").lower() != "close"
        return Answer(status=status, body=body, keep=keep)
    if "transfer-encoding" in headers:
        # the status and the first chunk are enough
        await reader.readuntil(b"\r\n")
    return Answer(status=status, body=await reader.read(MAX_BODY_BYTES), keep=False)
