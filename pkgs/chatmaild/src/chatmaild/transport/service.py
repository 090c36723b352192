"""What the transport service listens on, and who answers there."""

import asyncio
import time
from contextlib import AsyncExitStack

from chatmaild.metrics import Counters
from chatmaild.recipients.netstring import netstring, read_netstring
from chatmaild.serve import Connection, listen_tcp, listen_unix, streams
from chatmaild.settings import Settings
from chatmaild.transport.connections import Connections
from chatmaild.transport.delivery import Delivery
from chatmaild.transport.destinations import Destinations
from chatmaild.transport.directory import Directory
from chatmaild.transport.envelope import domain_of
from chatmaild.transport.exchangers import DnsResolver
from chatmaild.transport.gateway import Session
from chatmaild.transport.http_request import MAX_HEAD_BYTES
from chatmaild.transport.https import HttpsClient
from chatmaild.transport.mxdeliv import Mxdeliv
from chatmaild.transport.smtpd import Smtpds

LOOPBACK = "127.0.0.1"
# name of the smtp client in master.cf
SMTP_CLIENT = "smtp-https"


async def set_up(settings: Settings, stack: AsyncExitStack) -> None:
    """Start all servers; the stack stops them.

    Raises:
        OSError: a socket cannot be used.
    """
    counters = Counters()
    destinations = Destinations(
        service=SMTP_CLIENT,
        gateway=f"[{LOOPBACK}]:{settings.ports.transport_smtp}",
        local_domain=settings.mail_domain,
    )
    resolver = DnsResolver(ipv4_only=settings.mail_domain.startswith("["))
    connections = Connections(resolver)
    stack.callback(connections.close)
    delivery = Delivery(resolver, HttpsClient(connections), destinations, counters=counters)

    async def gateway(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await Session(delivery, reader, writer).run()

    smtpds = Smtpds(settings.ports.mxdeliv_smtp, settings.mail_domain)
    stack.callback(smtpds.close)
    mxdeliv = Mxdeliv(
        smtpds=smtpds,
        max_message_bytes=settings.mail.max_message_bytes,
        max_recipients=settings.mail.max_recipients,
        directory=Directory(settings.sockets.recipients),
        counters=counters,
    )
    sockets = settings.sockets
    for server in (
        streams(listen_tcp(LOOPBACK, settings.ports.transport_smtp), gateway),
        streams(listen_unix(sockets.mxdeliv), mxdeliv.connection, limit_bytes=MAX_HEAD_BYTES),
        streams(listen_unix(sockets.destinations), routes(destinations)),
    ):
        await stack.enter_async_context(server)


def routes(destinations: Destinations) -> Connection:
    """The handler of Postfix' questions for the way to an address or a domain."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (request := await read_netstring(reader)) is not None:
            key = request.decode(errors="replace").partition(" ")[2]
            # Postfix asks for `user@domain`, then for `domain`: the first answer is for all
            route = destinations.route(domain_of(key), time.monotonic())
            writer.write(netstring(f"OK {route}".encode() if route else b"NOTFOUND "))
            await writer.drain()

    return handle
