"""The SMTP side of the gateway, as Postfix' smtp client uses it."""

import asyncio
import contextlib
import smtplib
from collections.abc import AsyncIterator

import pytest

from chatmaild.metrics import Counters
from chatmaild.transport.envelope import Envelope
from chatmaild.transport.message import Message
from chatmaild.transport.outbound.delivery import Delivery
from chatmaild.transport.outbound.destinations import Destinations
from chatmaild.transport.outbound.smtp_server import Session
from chatmaild.wire.smtp.reply import Reply

from ...waiting import DEADLINE_S
from ..conftest import Names, listening

EHLO = b"EHLO us.test\r\n"
MAIL = b"MAIL FROM:<a@us.test> SIZE=10 BODY=8BITMIME\r\n"


class Taken(Delivery):
    """A delivery that keeps what it is given."""

    def __init__(self) -> None:
        destinations = Destinations(
            service="s", new_service="n", gateway="g", local_domain="us.test"
        )
        super().__init__(Names(), None, destinations, counters=Counters())  # type: ignore[arg-type]
        self.messages: list[tuple[Envelope, bytes]] = []
        self.reply = Reply(code=250, text="OK (HTTPS)")
        self.fault: Exception | None = None

    async def deliver(self, envelope: Envelope, message: Message) -> Reply:
        """Keep it."""
        if self.fault is not None:
            raise self.fault
        content = b"".join([piece async for piece in message.pieces()])
        self.messages.append((envelope, content))
        return self.reply


@contextlib.asynccontextmanager
async def gateway() -> AsyncIterator[tuple[Taken, int]]:
    """A gateway on a free port, and what it was given."""
    taken = Taken()
    async with (
        asyncio.timeout(DEADLINE_S),
        listening(lambda reader, writer: Session(taken, reader, writer).run()) as port,
    ):
        yield taken, port


def _dialogue(*pieces: bytes) -> tuple[Taken, list[bytes]]:
    """What was taken and what was said when a client sends these pieces and then leaves."""

    async def scenario() -> tuple[Taken, list[bytes]]:
        async with gateway() as (taken, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            writer.write_eof()
            said = (await reader.read()).split(b"\r\n")[1:-1]
            writer.close()
            return taken, [line for line in said if not line.startswith(b"250-")]

    return asyncio.run(scenario())


def test_a_stock_client_is_understood() -> None:
    """Several messages on one connection, each octet as it was."""
    content = b"Subject: x\r\n\r\n.\r\n..two\r\n" + b"y" * 100_000 + b"\r\n"

    async def scenario() -> None:
        async with gateway() as (taken, port):

            def send() -> None:
                with smtplib.SMTP("127.0.0.1", port, timeout=DEADLINE_S) as client:
                    client.sendmail("a@us.test", ["b@peer.test", "c@peer.test"], content)
                    client.sendmail("", ["b@peer.test"], b"second\r\n")

            await asyncio.to_thread(send)

            assert taken.messages == [
                (Envelope(sender="a@us.test", recipients=("b@peer.test", "c@peer.test")), content),
                (Envelope(sender="", recipients=("b@peer.test",)), b"second\r\n"),
            ]

    asyncio.run(scenario())


def test_pipelining() -> None:
    """Everything in as few packets as possible, the way Postfix sends it."""
    taken, said = _dialogue(
        EHLO,
        MAIL + b"RCPT TO:<b@peer.test>\r\nDATA\r\n",
        b"hi\r\n.\r\nQUIT\r\n",
    )

    assert [line[:3] for line in said] == [b"250", b"250", b"250", b"354", b"250", b"221"]
    assert taken.messages[0][1] == b"hi\r\n"


def test_octet_by_octet() -> None:
    """The size of packets means nothing."""
    dialogue = EHLO + MAIL + b"RCPT TO:<b@peer.test>\r\nDATA\r\n..\r\n.\r\nQUIT\r\n"

    taken, _ = _dialogue(*(dialogue[place : place + 1] for place in range(len(dialogue))))

    assert taken.messages[0][1] == b".\r\n"


@pytest.mark.parametrize(
    "lines",
    [
        b"RCPT TO:<b@peer.test>\r\n",
        b"DATA\r\n",
        MAIL + b"DATA\r\n",
        MAIL + b"RCPT TO:<b@peer.test>\r\nRSET\r\nDATA\r\n",
        MAIL + b"RCPT TO:b@peer.test\r\n",
        MAIL + b"RCPT TO:<nobody>\r\n",
        MAIL + b"RCPT TO:<b\x01@peer.test>\r\n",
        MAIL + b"RCPT TO:<\xff@peer.test>\r\n",
        MAIL + b"RCPT TO:<b@peer.test>\r\nRCPT TO:<b@other.test>\r\n",
        b"MAIL FROM:a@us.test\r\n",
        b"VRFY b\r\n",
        b"STARTTLS\r\n",
        b"\r\n",
    ],
)
def test_what_is_not_understood_is_left_to_smtp(lines: bytes) -> None:
    """A 4yz never returns a message to its sender."""
    taken, said = _dialogue(lines)

    assert said[-1].startswith(b"45")
    assert taken.messages == []


def test_addresses_may_be_odd() -> None:
    """Quoted local parts, UTF-8, an angle bracket in quotes, a literal."""
    taken, _ = _dialogue(
        'MAIL FROM:<"a>b"@us.test> SMTPUTF8\r\nRCPT TO:<jürgen@[IPv6:2001:db8::1]>\r\n'.encode(),
        b"DATA\r\nx\r\n.\r\n",
    )

    (envelope, _), *_ = taken.messages
    assert (
        envelope.sender,
        envelope.recipients,
    ) == ('"a>b"@us.test', ("jürgen@[IPv6:2001:db8::1]",))


def test_a_fault_of_ours_costs_only_time(caplog: pytest.LogCaptureFixture) -> None:
    """Postfix goes on with SMTP; the log does not tell whose message it was."""

    async def scenario() -> None:
        async with gateway() as (taken, port):
            taken.fault = RuntimeError("bob@peer.test")

            def send() -> int:
                with smtplib.SMTP("127.0.0.1", port, timeout=DEADLINE_S) as client:
                    client.mail("a@us.test")
                    client.rcpt("bob@peer.test")
                    return client.data(b"x\r\n")[0]

            assert await asyncio.to_thread(send) == 451

    asyncio.run(scenario())
    assert "RuntimeError" in caplog.text
    assert "bob" not in caplog.text


def test_a_message_that_breaks_off_is_not_delivered() -> None:
    """The client left before the lone dot."""
    taken, _ = _dialogue(MAIL + b"RCPT TO:<b@peer.test>\r\nDATA\r\nhalf of it\r\n")

    assert taken.messages == []
