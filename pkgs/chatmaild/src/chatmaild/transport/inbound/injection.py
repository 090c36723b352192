"""Hand a message to Postfix' smtpd while it is received (RFC 5321)."""

from collections.abc import Iterator
from types import TracebackType
from typing import Final, Self

from chatmaild.transport.envelope import Envelope
from chatmaild.transport.inbound.smtp_client import IpAddress, Refused, SmtpSession, SmtpSessions
from chatmaild.wire.smtp.dots import Stuffer
from chatmaild.wire.smtp.reply import LOCAL_ERROR, Reply

# the filter looks up keys at the end of a message: below nginx' 75 s (proxy_read_timeout), above
# the 60 s after which another relay gives up
END_OF_DATA_S: Final = 70.0
# a thousand recipients on a busy machine
ENVELOPE_S: Final = 60.0
# RFC 5321 section 3.8
SESSION_ENDS: Final = 421


class Injection:
    """The SMTP transaction of one message: open, write pieces, commit.

    Leaving the context without `commit` makes Postfix drop the message.

    Args:
        client: IP address of the sending host, where the filter needs it; costs a session of its
            own.
    """

    def __init__(
        self,
        smtp_sessions: SmtpSessions,
        envelope: Envelope,
        size_bytes: int,
        client: IpAddress | None = None,
    ) -> None:
        self._smtp_sessions = smtp_sessions
        self._envelope = envelope
        self._size_bytes = size_bytes
        self._client = client
        self._dots = Stuffer()
        # the last piece leaves with the end of the message: one write, and Postfix wakes up once
        self._held = b""
        self._session: SmtpSession | None = None

    async def __aenter__(self) -> Self:
        """Send the envelope.

        Raises:
            Refused: by Postfix, or it cannot be reached now.
        """
        session = self._smtp_sessions.kept() if self._client is None else None
        if session is not None:
            try:
                await self._start(session)
            except Refused as refused:
                # 421, or no answer: the open session had ended, and no message was sent
                if refused.reply.code != SESSION_ENDS and refused.reply is not LOCAL_ERROR:
                    raise
            else:
                return self
        await self._start(await self._smtp_sessions.open(self._client))
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        if self._session is not None:
            self._session.close()

    async def write(self, piece: bytes) -> None:
        """Send a piece of the message.

        Raises:
            Refused: the connection to Postfix broke.
        """
        session = self._opened
        if self._held:
            session.send(self._held)
            await session.drain()
        self._held = self._dots.feed(piece)

    async def commit(self) -> Reply:
        """End the message and return the reply of Postfix.

        Raises:
            Refused: by Postfix or by the filter behind it, or no answer came.
        """
        session = self._opened
        session.send(self._held + self._dots.end())
        reply = await session.expect(250, within_s=END_OF_DATA_S)
        self._session = None
        self._smtp_sessions.keep(session)
        return reply

    @property
    def _opened(self) -> SmtpSession:
        assert self._session is not None
        return self._session

    async def _start(self, session: SmtpSession) -> None:
        # pipelined (RFC 2920); if one command is refused, the message is not sent
        session.send("".join(f"{line}\r\n" for line in self._commands()).encode())
        try:
            codes = [250] * (1 + len(self._envelope.recipients))
            await session.expect(*codes, 354, within_s=ENVELOPE_S)
        except BaseException:
            session.close()
            raise
        self._session = session

    def _commands(self) -> Iterator[str]:
        envelope = self._envelope
        parameters = f"BODY=8BITMIME SIZE={self._size_bytes}"
        if envelope.needs_smtputf8:
            parameters += " SMTPUTF8"
        yield f"MAIL FROM:<{envelope.sender}> {parameters}"
        for recipient in envelope.recipients:
            yield f"RCPT TO:<{recipient}>"
        yield "DATA"
