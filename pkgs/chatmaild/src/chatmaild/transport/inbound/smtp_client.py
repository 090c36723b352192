"""Connections to Postfix' smtpd on the loopback interface, kept open between messages.

A kept one saves Postfix the start of a session, and its filter, too.
"""

import asyncio
from ipaddress import IPv4Address, IPv6Address
from typing import Self

from chatmaild.wire.smtp_reply import LOCAL_ERROR, Reply, parse_reply

# what Postfix needs for a command or a piece of a message
COMMAND_S = 30.0
# well below smtpd_timeout (300 s); a burst has shorter pauses
KEEP_S = 15.0
MAX_KEPT = 5
MAX_REPLY_LINES = 100

IpAddress = IPv4Address | IPv6Address


class Refused(Exception):  # noqa: N818 - a refusal, not a fault
    """Postfix does not take the message; carries its reply."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(str(reply.code))
        self.reply = reply


class Smtpd:
    """An open SMTP session, past EHLO (RFC 5321)."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.closing: asyncio.TimerHandle | None = None
        self.speaks_for_client = False

    @classmethod
    async def connect(cls, port: int, helo: str) -> Self:
        """A new session.

        Raises:
            Refused: Postfix does not want it, or is not there.
        """
        try:
            async with asyncio.timeout(COMMAND_S):
                session = cls(*await asyncio.open_connection("127.0.0.1", port))
        except OSError as error:
            raise Refused(LOCAL_ERROR) from error
        try:
            await session.expect(220)
            session.send(f"EHLO {helo}\r\n".encode())
            await session.expect(250)
        except BaseException:
            session.close()
            raise
        return session

    async def speak_for(self, client: IpAddress, helo: str) -> None:
        """Make a client known as the one that the session is with.

        From now on the session is for this client alone: see `Smtpds.keep`.
        Source: Postfix' XCLIENT_README. Only this ingress of Postfix takes the command.

        Raises:
            Refused: Postfix does not do it, which is never the fault of the message.
        """
        self.speaks_for_client = True
        tag = "IPV6:" if client.version == 6 else ""
        try:
            self.send(f"XCLIENT ADDR={tag}{client}\r\n".encode())
            await self.expect(220)
            self.send(f"EHLO {helo}\r\n".encode())
            await self.expect(250)
        except BaseException as error:
            self.close()
            raise Refused(LOCAL_ERROR) if isinstance(error, Refused) else error from error

    @property
    def alive(self) -> bool:
        """Postfix has not closed it, nor said anything out of turn, as far as is known."""
        return not (self._reader.at_eof() or self._writer.is_closing())

    def send(self, data: bytes) -> None:
        """Send without waiting."""
        self._writer.write(data)

    async def drain(self) -> None:
        """Wait until Postfix keeps up.

        Raises:
            Refused: it does not, or the connection broke.
        """
        try:
            async with asyncio.timeout(COMMAND_S):
                await self._writer.drain()
        except OSError as error:
            raise Refused(LOCAL_ERROR) from error

    async def expect(self, code: int, within_s: float = COMMAND_S) -> Reply:
        """The next reply, which must have this code.

        Raises:
            Refused: it has another one, or none came.
        """
        reply = await self._reply(within_s)
        if reply.code != code:
            # an answer of the wrong kind is our fault or a passing one, never the message's
            raise Refused(reply if not reply.accepted else LOCAL_ERROR)
        return reply

    def close(self) -> None:
        """Close it without waiting; Postfix forgets an unfinished message."""
        self._writer.close()

    async def _reply(self, within_s: float) -> Reply:
        try:
            async with asyncio.timeout(within_s):
                for _ in range(MAX_REPLY_LINES):
                    line = await self._reader.readuntil(b"\n")
                    if line[3:4] != b"-":
                        return parse_reply(line.decode(errors="replace")) or LOCAL_ERROR
        except (OSError, EOFError, asyncio.LimitOverrunError) as error:
            raise Refused(LOCAL_ERROR) from error
        raise Refused(LOCAL_ERROR)


class Smtpds:
    """Opens sessions and keeps some of them.

    Args:
        port: where Postfix listens on 127.0.0.1.
        helo: name of this relay.
    """

    def __init__(self, port: int, helo: str) -> None:
        self._port = port
        self._helo = helo
        self._kept: list[Smtpd] = []

    def kept(self) -> Smtpd | None:
        """A session from before, or None."""
        while self._kept:
            session = self._kept[-1]
            self._remove(session)
            if session.alive:
                return session
            session.close()
        return None

    async def open(self, client: IpAddress | None = None) -> Smtpd:
        """A new session, in the name of that client.

        Raises:
            Refused: see `Smtpd.connect` and `Smtpd.speak_for`.
        """
        session = await Smtpd.connect(self._port, self._helo)
        if client is not None:
            await session.speak_for(client, self._helo)
        return session

    def keep(self, session: Smtpd) -> None:
        """Take a session back whose message Postfix has taken.

        One in the name of a client ends: the next message must prove its own origin.
        """
        if session.speaks_for_client or len(self._kept) >= MAX_KEPT:
            session.send(b"QUIT\r\n")
            session.close()
            return
        session.closing = asyncio.get_running_loop().call_later(KEEP_S, self._drop, session)
        self._kept.append(session)

    def close(self) -> None:
        """Close all that are kept."""
        for session in list(self._kept):
            self._drop(session)

    def _drop(self, session: Smtpd) -> None:
        self._remove(session)
        session.send(b"QUIT\r\n")
        session.close()

    def _remove(self, session: Smtpd) -> None:
        self._kept.remove(session)
        if session.closing is not None:
            session.closing.cancel()
