"""POST /mxdeliv: one message to one host over HTTP/1.1 (RFC 9112)."""

import asyncio
import ssl
from typing import Protocol

from chatmaild.errors import BusyError, ProtocolError
from chatmaild.logs import kind_of
from chatmaild.transport.envelope import Envelope
from chatmaild.transport.message import Message
from chatmaild.transport.outbound.connections import Connection, Connections
from chatmaild.transport.outbound.exchangers import Exchanger
from chatmaild.transport.outbound.outcome import Broken, Busy, Outcome, Unusable, judge
from chatmaild.wire.http_client import Answer, read_answer, read_body, read_head

PATH = "/mxdeliv"
# time for the answer to a complete message
ANSWER_S = 60.0
# slower uploads would exceed Postfix' smtp_data_done_timeout of 600 s
SLOWEST_BYTES_PER_S = 65536
LONGEST_S = 540.0
# RFC 9110 section 10.1.1: a host may not know `100-continue`
CONTINUE_S = 3.0
# of an answer
MAX_BODY_BYTES = 2048


class Client(Protocol):
    """Posts messages to hosts."""

    async def post(self, host: Exchanger, envelope: Envelope, message: Message) -> Outcome:
        """Post a message to a host; return the outcome."""

    def prepare(self, host: Exchanger) -> None:
        """Open a connection in the background, for a message that is expected."""

    def network(self, host: Exchanger) -> str:
        """Return the network of the host at the last connection, or an empty string."""


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
            return await read_answer(connection.reader, MAX_BODY_BYTES)
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
            return await read_answer(connection.reader, MAX_BODY_BYTES)
        return await read_answer(connection.reader, MAX_BODY_BYTES)


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
            status, headers = await read_head(reader)
    except TimeoutError:
        return None
    if status < 200:
        return None
    answer = await read_body(reader, status, headers, MAX_BODY_BYTES)
    # the body was not sent, so the connection cannot be reused
    return Answer(status=answer.status, body=answer.body, keep=False)
