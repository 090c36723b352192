"""Client of Dovecot's LMTP (RFC 2033): one message to one mailbox, with BDAT (RFC 3030)."""

import asyncio
from typing import Final

from chatmaild.transport.inbound.pool import UnavailableError, UnixSession
from chatmaild.wire.smtp.reply import Reply, parse_reply

# a mailbox that is being converted keeps a delivery waiting for 10 s; peers wait for 60 s
DELIVER_S: Final = 50.0
# Dovecot starts a process, on a busy machine
_COMMAND_S: Final = 5.0
_MAX_LINES: Final = 50


class LmtpSession(UnixSession):
    """An open session, past LHLO."""

    def begin(self, sender: str, recipient: str) -> None:
        """Send the envelope without waiting (RFC 2920)."""
        self._writer.write(f"MAIL FROM:<{sender}>\r\nRCPT TO:<{recipient}>\r\n".encode())

    async def is_ready(self) -> bool:
        """Whether Dovecot accepts the envelope.

        Raises:
            UnavailableError: the session is of no use any more.
        """
        replies = await self._replies(2, _COMMAND_S)
        return all(reply.code == 250 for reply in replies)

    async def deliver(self, content: bytes) -> bool:
        """Send the content; return whether it is in the mailbox.

        Raises:
            UnavailableError: no answer came: the message may be in the mailbox.
        """
        self._writer.write(b"BDAT %d LAST\r\n%b" % (len(content), content))
        [reply] = await self._replies(1, DELIVER_S)
        return reply.code == 250

    async def reset(self) -> None:
        """End a transaction without a message.

        Raises:
            UnavailableError: the session is of no use any more.
        """
        self._writer.write(b"RSET\r\n")
        await self._replies(1, _COMMAND_S)

    async def _greet(self) -> None:
        if (await self._reply()).code != 220:
            raise UnavailableError
        self._writer.write(b"LHLO localhost\r\n")
        if (await self._reply()).code != 250:
            raise UnavailableError

    async def _replies(self, count: int, within_s: float) -> list[Reply]:
        try:
            async with asyncio.timeout(within_s):
                return [await self._reply() for _ in range(count)]
        except (OSError, EOFError, asyncio.LimitOverrunError) as error:
            raise UnavailableError from error

    async def _reply(self) -> Reply:
        for _ in range(_MAX_LINES):
            line = await self._reader.readuntil(b"\n")
            if line[3:4] != b"-":
                reply = parse_reply(line.decode(errors="replace"))
                if reply is not None:
                    return reply
        raise UnavailableError
