"""A filter and Dovecot's LMTP that do what a test tells them, on unix sockets."""

import asyncio
import contextlib
import pathlib
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from chatmaild.transport.inbound.direct import Direct
from chatmaild.wire import milter

from ..conftest import Handler


@dataclass
class Judge:
    """Answers at the end of each message.

    Attributes:
        answers: bytes for the next messages; the last one stays. Empty ones end the connection.
        messages: the packets of each message, without those at its end.
        aborted: how many were forgotten.
    """

    answers: list[bytes] = field(default_factory=lambda: [milter.CONTINUE])
    messages: list[list[milter.Packet]] = field(default_factory=list)
    connections: int = 0
    aborted: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        packets, message = milter.Packets(), list[milter.Packet]()
        while data := await reader.read(65536):
            for command, content in packets.feed(data):
                match bytes([command]):
                    case b"O":
                        writer.write(milter.packet(b"O", struct.pack("!III", 6, 0, 0) + b"x\0"))
                    case b"A":
                        self.aborted += 1
                    case b"E":
                        self.messages.append(message)
                        message = []
                        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                        if not answer:
                            return
                        writer.write(answer)
                    case _:
                        message.append((command, content))


@dataclass
class Mailbox:
    """Takes messages by BDAT.

    Attributes:
        replies: by verb; all others are 250. An empty one ends the connection.
        delivered: MAIL line, RCPT line and content of each message with the reply 250.
    """

    replies: dict[str, bytes] = field(default_factory=dict)
    delivered: list[tuple[str, str, bytes]] = field(default_factory=list)
    sessions: int = 0
    resets: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One session."""
        self.sessions += 1
        writer.write(self.replies.get("greeting", b"220 mail\r\n"))
        envelope: list[str] = []
        while line := (await reader.readline()).decode().strip():
            verb, _, argument = line.partition(" ")
            reply = self.replies.get(verb, b"250-first\r\n250 OK\r\n")
            content = b""
            if verb == "BDAT":
                content = await reader.readexactly(int(argument.split(" ")[0]))
            if not reply:
                return
            if verb in {"MAIL", "RCPT"}:
                envelope.append(line)
            if verb == "BDAT" and reply.startswith(b"250"):
                self.delivered.append((envelope[0], envelope[1], content))
            if verb in {"BDAT", "RSET"}:
                self.resets += verb == "RSET"
                envelope = []
            writer.write(reply)


@contextlib.asynccontextmanager
async def listening_at(path: pathlib.Path, handler: Handler) -> AsyncIterator[None]:
    """A server on a unix socket."""
    tasks: set[asyncio.Task[None]] = set()

    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError, EOFError):
                await handler(reader, writer)
        finally:
            writer.close()

    def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.ensure_future(guarded(reader, writer)))

    server = await asyncio.start_unix_server(accepted, path)
    try:
        yield
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # closed sockets leave the loop


@contextlib.asynccontextmanager
async def direct(directory: pathlib.Path, judge: Judge, mailbox: Mailbox) -> AsyncIterator[Direct]:
    """The way past Postfix, with these two at its ends."""
    paths = directory / "filter", directory / "lmtp"
    async with listening_at(paths[0], judge.serve), listening_at(paths[1], mailbox.serve):
        way = Direct(*map(str, paths))
        try:
            yield way
        finally:
            way.close()
