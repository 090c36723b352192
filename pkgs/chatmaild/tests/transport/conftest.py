"""Hosts that take mail over HTTPS, and a Postfix that takes it over SMTP, on real sockets."""

import asyncio
import contextlib
import datetime
import pathlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from chatmaild.metrics import Counters
from chatmaild.transport.envelope import Envelope
from chatmaild.transport.message import Message
from chatmaild.transport.outbound.connections import Connections
from chatmaild.transport.outbound.delivery import Delivery
from chatmaild.transport.outbound.destinations import Destinations
from chatmaild.transport.outbound.exchangers import Exchanger, NoExchangerError
from chatmaild.transport.outbound.https_client import HttpsClient

from ..waiting import DEADLINE_S

CERTIFIED = "mx.peer.test"

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Certificate:
    """Contexts of a server certified for mx.peer.test, and of a client that trusts it."""

    server: ssl.SSLContext
    client: ssl.SSLContext


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A self-signed certificate for mx.peer.test."""
    directory = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, CERTIFIED)])
    now = datetime.datetime.now(tz=datetime.UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(CERTIFIED)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem: pathlib.Path = directory / "both.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return Certificate(server=server, client=ssl.create_default_context(cafile=str(pem)))


@dataclass(frozen=True, kw_only=True)
class Received:
    """A request that a host got."""

    head: str
    body: bytes

    def values(self, name: str) -> list[str]:
        """The values of a header field."""
        lines = (line.partition(": ") for line in self.head.split("\r\n"))
        return [value for key, _, value in lines if key.lower() == name.lower()]


@dataclass
class Host:
    """A host that takes mail over HTTPS, and does what a test tells it to.

    Attributes:
        answers: what to say to the next requests; after the last one it stays.
        received: whole requests, in their order.
        connections: how many there were.
        stall: set it to let go of requests that wait for it.
    """

    answers: list[bytes] = field(default_factory=lambda: [http(200, "250 OK")])
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    reads_body: bool = True
    stall: asyncio.Event | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        with contextlib.suppress(OSError, EOFError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                request = Received(head=head.strip(), body=b"")
                length = int(request.values("Content-Length")[0])
                body = b""
                if self.reads_body:
                    if request.values("Expect"):
                        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                    body = await reader.readexactly(length)
                self.received.append(Received(head=head.strip(), body=body))
                if self.stall is not None:
                    await self.stall.wait()
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                if not answer:
                    break
                writer.write(answer)
                await writer.drain()
        writer.close()


def http(status: int, body: str, *headers: str) -> bytes:
    """An HTTP answer."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers, "", body]
    return "\r\n".join(lines).encode()


@dataclass
class Names:
    """A resolver that knows what a test tells it: hosts of domains, and their addresses."""

    hosts: dict[str, list[Exchanger]] = field(default_factory=dict)
    address: dict[str, list[str]] = field(default_factory=dict)
    # look-ups of these domains take for ever
    dead: set[str] = field(default_factory=set)

    async def exchangers(self, domain: str) -> list[Exchanger]:
        """The hosts to try."""
        if domain in self.dead:
            await asyncio.Event().wait()
        if domain not in self.hosts:
            raise NoExchangerError("NXDOMAIN")
        return self.hosts[domain]

    async def addresses(self, host: str) -> list[str]:
        """The addresses of a host."""
        return self.address.get(host, ["127.0.0.1"])


@dataclass
class World:
    """A gateway's delivery, the hosts it can reach, and a clock that a test moves."""

    host: Host
    names: Names
    destinations: Destinations
    delivery: Delivery
    counters: Counters
    connections: Connections
    now_s: float = 1000.0

    async def delivers(
        self,
        content: bytes = b"Subject: x\r\n\r\nhi\r\n",
        *recipients: str,
        sender: str = "a@us.test",
    ) -> str:
        """What Postfix is told about a message."""
        envelope = Envelope(sender=sender, recipients=recipients or ("bob@peer.test",))
        with Message() as message:
            message.write(content)
            return str(await self.delivery.deliver(envelope, message))


@contextlib.asynccontextmanager
async def listening(
    handler: Handler, context: ssl.SSLContext | None = None, limit: int = 65536
) -> AsyncIterator[int]:
    """A server on a free port of the loopback interface; gives the port."""
    tasks: set[asyncio.Task[None]] = set()

    def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def guarded() -> None:
            try:
                with contextlib.suppress(OSError, EOFError):
                    await handler(reader, writer)
            finally:
                writer.close()

        tasks.add(asyncio.ensure_future(guarded()))

    server = await asyncio.start_server(accepted, "127.0.0.1", 0, ssl=context, limit=limit)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
def world(
    certificate: Certificate,
) -> Callable[[], contextlib.AbstractAsyncContextManager[World]]:
    """Opens a world with one host, mx.peer.test, that takes the mail of peer.test."""

    @contextlib.asynccontextmanager
    async def opened() -> AsyncIterator[World]:
        host = Host()
        async with listening(host.serve, certificate.server) as port:
            names = Names(hosts={"peer.test": [Exchanger(name=CERTIFIED, verify=True)]})
            destinations = Destinations(
                service="smtp-https",
                new_service="smtp-new",
                gateway="[127.0.0.1]:10083",
                local_domain="us.test",
            )
            counters = Counters()
            connections = Connections(names, port=port, context=certificate.client)
            delivery = Delivery(
                names,
                HttpsClient(connections),
                destinations,
                counters=counters,
                clock_s=lambda: made.now_s,
            )
            made = World(host, names, destinations, delivery, counters, connections)
            try:
                async with asyncio.timeout(DEADLINE_S):
                    yield made
            finally:
                connections.close()

    return opened


@dataclass
class Smtpd:
    """Stands for Postfix' smtpd: answers from a list of exceptions, keeps what it accepted.

    Attributes:
        replies: by verb or whole line; the rest is 250. `.` is the end of data.
        accepted: MAIL line, RCPT lines, bytes as they came, for each message.
        clients: for each message the client that XCLIENT named, "" without one.
        sessions: how many connections there were.
        stall: the end of data waits for it.
        ends: say 421 instead of the next reply, once.
    """

    ends: bool = False
    replies: dict[str, bytes] = field(default_factory=dict)
    accepted: list[tuple[str, list[str], bytes]] = field(default_factory=list)
    clients: list[str] = field(default_factory=list)
    sessions: int = 0
    stall: asyncio.Event | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.sessions += 1
        client = ""
        writer.write(b"220 test ESMTP\r\n")
        mail, recipients = "", list[str]()
        while line := (await reader.readuntil(b"\r\n")).decode().strip():
            verb = line.partition(" ")[0]
            if self.ends:
                self.ends = False
                writer.write(b"421 4.4.2 timeout\r\n")
                return
            if verb == "MAIL":
                mail, recipients = line, []
            if verb == "RCPT":
                recipients.append(line)
            reply = self.replies.get(line, self.replies.get(verb))
            if verb == "DATA" and reply is None:
                writer.write(b"354 go ahead\r\n")
                reply = await self._message(reader, mail, recipients)
            if verb == "DATA" and reply is None:
                self.clients.append(client)
            if verb == "XCLIENT" and reply is None:
                client, reply = line.partition(" ")[2], b"220 test ESMTP\r\n"
            if verb == "EHLO":
                reply = b"250-test\r\n250-PIPELINING\r\n250 SIZE 100\r\n"
            writer.write(reply or b"250 2.0.0 Ok\r\n")
            await writer.drain()

    async def _message(
        self, reader: asyncio.StreamReader, mail: str, recipients: list[str]
    ) -> bytes | None:
        data = b""
        while (line := await reader.readuntil(b"\r\n")) != b".\r\n":
            data += line
        if self.stall is not None:
            await self.stall.wait()
        reply = self.replies.get(".")
        if reply is None:
            self.accepted.append((mail, recipients, data))
        return reply
