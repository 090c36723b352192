"""SMTP client of Postfix' smtpd on loopback, with sessions that stay open between messages.

Reuse saves an SMTP session and a milter session.
"""

import asyncio
from ipaddress import IPv4Address, IPv6Address
from typing import Final, Self

from chatmaild.wire.smtp.reply import LOCAL_ERROR, Reply, parse_reply

# above what Postfix needs for a command or a piece of a message
COMMAND_S: Final = 30.0
# well below smtpd_timeout (300 s); a burst has shorter pauses
KEEP_S: Final = 15.0
# deliveries that one relay has at a time; an smtpd process without a session waits as long, too
MAX_KEPT: Final = 20
MAX_REPLY_LINES: Final = 100

IpAddress = IPv4Address | IPv6Address


class Refused(Exception):  # noqa: N818 - a refusal, not a fault
    """Postfix refused the message; carries its reply."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(str(reply.code))
        self.reply = reply


class SmtpSession:
    """An open SMTP session, past EHLO (RFC 5321)."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.closing: asyncio.TimerHandle | None = None
        self.speaks_for_client = False

    @classmethod
    async def connect(cls, port: int, helo: str) -> Self:
        """Open a session.

        Raises:
            Refused: Postfix refuses the session, or does not listen; the reply is temporary.
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
        except BaseException as error:
            session.close()
            # the message is not at fault
            raise Refused(LOCAL_ERROR) if isinstance(error, Refused) else error from error
        return session

    async def speak_for(self, client: IpAddress, helo: str) -> None:
        """Name the client for which this session is, by XCLIENT.

        From now on the session is for this client alone: see `SmtpSessions.keep`.
        Source: Postfix' XCLIENT_README. Only this ingress of Postfix takes the command.

        Raises:
            Refused: Postfix refuses, always with a temporary reply: the message is not at fault.
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
        """Whether Postfix has not closed the session, as far as is known."""
        return not (self._reader.at_eof() or self._writer.is_closing())

    def send(self, data: bytes) -> None:
        """Send without waiting."""
        self._writer.write(data)

    async def drain(self) -> None:
        """Wait until Postfix keeps up.

        Raises:
            Refused: it does not in time, or the connection broke.
        """
        try:
            async with asyncio.timeout(COMMAND_S):
                await self._writer.drain()
        except OSError as error:
            raise Refused(LOCAL_ERROR) from error

    async def expect(self, *codes: int, within_s: float = COMMAND_S) -> Reply:
        """Read a reply for each code, which it must have, and return the last one.

        Raises:
            Refused: a reply has another code, or none came; the time is for all together.
        """
        reply = LOCAL_ERROR
        try:
            async with asyncio.timeout(within_s):
                for code in codes:
                    reply = await self._reply()
                    if reply.code != code:
                        # an unexpected code of success is a fault of ours, never of the message
                        raise Refused(reply if not reply.accepted else LOCAL_ERROR)
        except (OSError, EOFError, asyncio.LimitOverrunError) as error:
            raise Refused(LOCAL_ERROR) from error
        return reply

    def close(self) -> None:
        """Close the session without waiting; Postfix drops an unfinished message."""
        self._writer.close()

    async def _reply(self) -> Reply:
        for _ in range(MAX_REPLY_LINES):
            line = await self._reader.readuntil(b"\n")
            if line[3:4] != b"-":
                return parse_reply(line.decode(errors="replace")) or LOCAL_ERROR
        return LOCAL_ERROR


class SmtpSessions:
    """Opens sessions and keeps some of them open.

    Args:
        port: where Postfix listens on 127.0.0.1.
        helo: a secret name, by which Postfix knows this process.
    """

    def __init__(self, port: int, helo: str) -> None:
        self._port = port
        self._helo = helo
        self._kept: list[SmtpSession] = []

    def kept(self) -> SmtpSession | None:
        """Return an open session, or None."""
        while self._kept:
            session = self._kept[-1]
            self._remove(session)
            if session.alive:
                return session
            session.close()
        return None

    async def open(self, client: IpAddress | None = None) -> SmtpSession:
        """Open a session, for this client if there is one.

        Raises:
            Refused: see `SmtpSession.connect` and `SmtpSession.speak_for`.
        """
        session = await SmtpSession.connect(self._port, self._helo)
        if client is not None:
            await session.speak_for(client, self._helo)
        return session

    def keep(self, session: SmtpSession) -> None:
        """Keep a session whose message Postfix has accepted.

        A session for a client ends: the next message must prove its own origin.
        """
        if session.speaks_for_client or len(self._kept) >= MAX_KEPT:
            session.send(b"QUIT\r\n")
            session.close()
            return
        session.closing = asyncio.get_running_loop().call_later(KEEP_S, self._drop, session)
        self._kept.append(session)

    def close(self) -> None:
        """Close all open sessions."""
        for session in list(self._kept):
            self._drop(session)

    def _drop(self, session: SmtpSession) -> None:
        self._remove(session)
        session.send(b"QUIT\r\n")
        session.close()

    def _remove(self, session: SmtpSession) -> None:
        self._kept.remove(session)
        if session.closing is not None:
            session.closing.cancel()
