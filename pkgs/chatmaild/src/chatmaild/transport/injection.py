"""Hands a message to Postfix' smtpd on the loopback interface while it comes in (RFC 5321)."""

import asyncio
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from chatmaild.transport.dots import Stuffer
from chatmaild.transport.envelope import Envelope
from chatmaild.transport.replies import LOCAL_ERROR, Reply, parse_reply

# what Postfix needs for a command or a piece; the filter's look-ups come at the end of the message
COMMAND_S = 30.0
# just below the 75 s for which nginx waits for us, which is above the 60 s of a peer
END_OF_DATA_S = 70.0
MAX_REPLY_LINES = 100


class Refused(Exception):  # noqa: N818 - a refusal, not a fault
    """Postfix does not take the message; carries its reply."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(str(reply.code))
        self.reply = reply


class Injection:
    """One message on its way into Postfix: open, write pieces, commit.

    Leaving the context without `commit` makes Postfix forget the message.
    """

    def __init__(self, port: int, helo: str, envelope: Envelope, size_bytes: int) -> None:
        self._port = port
        self._size_bytes = size_bytes
        self._helo = helo
        self._envelope = envelope
        self._dots = Stuffer()

    async def __aenter__(self) -> Self:
        """Connect and send the envelope.

        Raises:
            Refused: by Postfix; or it cannot be reached now.
        """
        try:
            async with asyncio.timeout(COMMAND_S):
                self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError as error:
            raise Refused(LOCAL_ERROR) from error
        try:
            await self._open()
        except BaseException:
            self._writer.close()
            raise
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._writer.close()

    async def write(self, piece: bytes) -> None:
        """Send a piece of the message.

        Raises:
            Refused: the connection to Postfix broke.
        """
        self._writer.write(self._dots.feed(piece))
        try:
            async with asyncio.timeout(COMMAND_S):
                await self._writer.drain()
        except OSError as error:
            raise Refused(LOCAL_ERROR) from error

    async def commit(self) -> Reply:
        """End the message; what Postfix says to it counts.

        Raises:
            Refused: by Postfix or by the filter behind it, or no answer came.
        """
        self._writer.write(self._dots.end())
        reply = await self._reply(END_OF_DATA_S)
        if reply.code != 250:
            raise Refused(reply)
        self._writer.write(b"QUIT\r\n")
        return reply

    async def _open(self) -> None:
        await self._expect(220)
        self._writer.write(f"EHLO {self._helo}\r\n".encode())
        await self._expect(250)
        # all at once (RFC 2920); if one is refused, the message is not sent
        self._writer.write("".join(f"{line}\r\n" for line in self._commands()).encode())
        for _ in ("MAIL", *self._envelope.recipients):
            await self._expect(250)
        await self._expect(354)

    def _commands(self) -> Iterator[str]:
        envelope = self._envelope
        parameters = f"BODY=8BITMIME SIZE={self._size_bytes}"
        if envelope.needs_smtputf8:
            parameters += " SMTPUTF8"
        yield f"MAIL FROM:<{envelope.sender}> {parameters}"
        for recipient in envelope.recipients:
            yield f"RCPT TO:<{recipient}>"
        yield "DATA"

    async def _expect(self, code: int) -> None:
        reply = await self._reply(COMMAND_S)
        if reply.code != code:
            # an answer of the wrong kind is our fault or a passing one, never the message's
            raise Refused(reply if not reply.accepted else LOCAL_ERROR)

    async def _reply(self, within_s: float) -> Reply:
        try:
            async with asyncio.timeout(within_s):
                for _ in range(MAX_REPLY_LINES):
                    line = await self._reader.readuntil(b"\n")
                    if line[3:4] != b"-":
                        reply = parse_reply(line.decode(errors="replace"))
                        if reply is not None:
                            return reply
                        break
        except (OSError, EOFError, asyncio.LimitOverrunError) as error:
            raise Refused(LOCAL_ERROR) from error
        raise Refused(LOCAL_ERROR)
