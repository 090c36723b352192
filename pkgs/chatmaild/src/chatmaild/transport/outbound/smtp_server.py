"""The SMTP server that takes messages for HTTPS delivery from Postfix' smtp client.

It listens on the loopback interface for this one client and implements what it uses: RFC 5321,
8BITMIME (RFC 6152), SMTPUTF8 (RFC 6531) and PIPELINING (RFC 2920). Anything else is a 4yz, so
Postfix continues with SMTP. SIZE announces no limit: a message that is too large for HTTPS may pass
over SMTP, and Postfix would bounce it.
"""

import asyncio

from chatmaild.address import domain_of
from chatmaild.transport.envelope import Envelope, parse_path
from chatmaild.transport.message import Message
from chatmaild.transport.outbound.delivery import Delivery
from chatmaild.wire.serve import log_error
from chatmaild.wire.smtp.dots import Unstuffer
from chatmaild.wire.smtp.reply import LOCAL_ERROR, Reply

# Postfix keeps idle connections for 30 s and waits minutes within a transaction
COMMAND_S = 300.0
PIECE_BYTES = 65536
MAX_LINE_BYTES = 8192

GREETING = Reply(code=220, text="localhost ESMTP HTTPS delivery")
EXTENSIONS = ("localhost", "PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE", "ENHANCEDSTATUSCODES")
OK = Reply(code=250, text="2.0.0 Ok")
GO_AHEAD = Reply(code=354, text="End data with <CR><LF>.<CR><LF>")
BYE = Reply(code=221, text="2.0.0 Bye")
UNKNOWN = Reply(code=451, text="4.5.1 Command not recognized")
BAD_ADDRESS = Reply(code=451, text="4.1.3 Not an address for HTTPS delivery")
OTHER_DOMAIN = Reply(code=452, text="4.5.3 One domain per message")
NO_RECIPIENT = Reply(code=451, text="4.5.1 MAIL and RCPT come first")


class Session:
    """An SMTP session with Postfix' smtp client."""

    def __init__(
        self, delivery: Delivery, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._delivery = delivery
        self._reader = reader
        self._writer = writer
        self._unread = b""
        self._unsent = b""
        self._sender: str | None = None
        self._recipients: list[str] = []

    async def run(self) -> None:
        """Serve until the client disconnects."""
        self._say(GREETING)
        while True:
            # replies to pipelined commands leave together (RFC 2920 section 3.2)
            if b"\n" not in self._unread:
                await self._flush()
            line = await self._line()
            if line is None:
                return
            verb, _, argument = line.partition(" ")
            match verb.upper():
                case "QUIT":
                    self._say(BYE)
                    await self._flush()
                    return
                case "DATA":
                    await self._data()
                case "EHLO":
                    self._forget()
                    self._say_extensions()
                case other:
                    self._say(self._command(other, argument))

    def _command(self, verb: str, argument: str) -> Reply:
        """Return the reply to a command that needs no waiting."""
        match verb:
            case "MAIL":
                self._forget()
                self._sender = parse_path(argument[len("FROM:") :])
                return BAD_ADDRESS if self._sender is None else OK
            case "RCPT":
                return self._recipient(parse_path(argument[len("TO:") :]))
            case "RSET" | "HELO":
                self._forget()
                return OK
            case "NOOP":
                return OK
            case _:
                return UNKNOWN

    def _recipient(self, address: str | None) -> Reply:
        if self._sender is None:
            return NO_RECIPIENT
        if not address or not domain_of(address):
            return BAD_ADDRESS
        if self._recipients and domain_of(self._recipients[0]) != domain_of(address):
            return OTHER_DOMAIN
        self._recipients.append(address)
        return OK

    async def _data(self) -> None:
        if self._sender is None or not self._recipients:
            self._say(NO_RECIPIENT)
            return
        envelope = Envelope(sender=self._sender, recipients=tuple(self._recipients))
        self._forget()
        self._say(GO_AHEAD)
        await self._flush()
        with Message() as message:
            complete = await self._read_message(message)
            self._say(await self._delivered(envelope, message) if complete else LOCAL_ERROR)

    async def _delivered(self, envelope: Envelope, message: Message) -> Reply:
        try:
            return await self._delivery.deliver(envelope, message)
        except Exception as error:  # the message stays in Postfix' queue
            log_error("HTTPS delivery", error)
            return LOCAL_ERROR

    async def _read_message(self, message: Message) -> bool:
        """Read until the final dot; False if the disk had no space for the message."""
        dots = Unstuffer()
        complete = True
        piece, self._unread = self._unread, b""
        while True:
            content = dots.feed(piece)
            try:
                if complete:
                    message.write(content)
            except OSError as error:
                log_error("keeping a message", error)
                complete = False
            if dots.rest is not None:
                self._unread = dots.rest
                return complete
            piece = await self._piece()
            if not piece:
                raise ConnectionResetError("the client disconnected within a message")

    async def _line(self) -> str | None:
        """Return the next line without its end, or None at the end of the connection."""
        while b"\n" not in self._unread:
            piece = await self._piece()
            if not piece or len(self._unread) > MAX_LINE_BYTES:
                return None
            self._unread += piece
        line, _, self._unread = self._unread.partition(b"\n")
        return line.rstrip(b"\r").decode(errors="surrogateescape")

    async def _piece(self) -> bytes:
        async with asyncio.timeout(COMMAND_S):
            return await self._reader.read(PIECE_BYTES)

    def _forget(self) -> None:
        self._sender = None
        self._recipients = []

    def _say(self, reply: Reply) -> None:
        self._unsent += f"{reply}\r\n".encode()

    def _say_extensions(self) -> None:
        *first, last = EXTENSIONS
        lines = [f"250-{name}\r\n" for name in first] + [f"250 {last}\r\n"]
        self._unsent += "".join(lines).encode()

    async def _flush(self) -> None:
        """Send all replies with one system call."""
        unsent, self._unsent = self._unsent, b""
        self._writer.write(unsent)
        await self._writer.drain()
