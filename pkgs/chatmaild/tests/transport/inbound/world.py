"""A relay that takes messages over HTTPS, and a client of it, on real sockets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from chatmaild.flow.last_seen import LastSeen
from chatmaild.metrics import Counters
from chatmaild.transport.inbound.mxdeliv import MAX_HEAD_BYTES, Mxdeliv
from chatmaild.transport.inbound.smtp_client import SmtpSessions

from ...waiting import DEADLINE_S
from ..conftest import Smtpd, listening

MAX_BYTES = 1_000_000
CONTENT = b"Subject: x\r\n\r\n.dot\r\n"
TO_BOB = "X-MAIL-TO: bob@us.test"
FROM_EVE = "X-MAIL-FROM: eve@peer.test"


class Addresses:
    """Knows bob and carol."""

    fault: Exception | None = None

    async def any_exists(self, addresses: Sequence[str]) -> bool:
        """Whether one of them is among the addresses."""
        if self.fault is not None:
            raise self.fault
        return bool({"bob@us.test", "carol@us.test", "jürgen@us.test"} & set(addresses))


@dataclass
class Relay:
    """The service, what stands behind it, and a client."""

    smtpd: Smtpd
    addresses: Addresses
    counters: Counters
    port: int

    async def sends(self, request: bytes, *, eof: bool = False) -> bytes:
        """Send these bytes and return the answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request)
        if eof:
            writer.write_eof()
        answer = await reader.read()
        writer.close()
        return answer

    async def posts(self, *fields: str, content: bytes = CONTENT) -> tuple[int, str]:
        """Status and body of the answer to a POST."""
        head = "\r\n".join(
            [
                "POST /mxdeliv HTTP/1.1",
                "Host: us.test",
                f"Content-Length: {len(content)}",
                *fields,
                "",
                "",
            ]
        )
        answer = await self.sends(head.encode() + content)
        first, _, body = answer.decode().partition("\r\n\r\n")
        return int(first.split(" ")[1]), body.strip()


@contextlib.asynccontextmanager
async def relay(last_seen: LastSeen | None = None) -> AsyncIterator[Relay]:
    """A relay for us.test."""
    smtpd, addresses, counters = Smtpd(), Addresses(), Counters()
    async with asyncio.timeout(DEADLINE_S), listening(smtpd.serve) as smtp_port:
        smtp_sessions = SmtpSessions(smtp_port, "us.test")
        service = Mxdeliv(
            smtp_sessions=smtp_sessions,
            max_message_bytes=MAX_BYTES,
            max_recipients=3,
            any_exists=addresses.any_exists,
            counters=counters,
            last_seen=last_seen,
        )
        async with listening(service.connection, limit=MAX_HEAD_BYTES) as port:
            yield Relay(smtpd, addresses, counters, port)
        smtp_sessions.close()
