"""What the transport service listens on, and who answers there."""

import asyncio
import time
from contextlib import AsyncExitStack
from functools import partial

from chatmaild.address import domain_of
from chatmaild.metrics import Counters
from chatmaild.settings import Settings
from chatmaild.transport.inbound.http_request import MAX_HEAD_BYTES
from chatmaild.transport.inbound.mxdeliv import Mxdeliv
from chatmaild.transport.inbound.smtp_client import Smtpds
from chatmaild.transport.outbound.connections import Connections
from chatmaild.transport.outbound.delivery import Delivery
from chatmaild.transport.outbound.destinations import Destinations
from chatmaild.transport.outbound.exchangers import DnsResolver
from chatmaild.transport.outbound.https_client import HttpsClient
from chatmaild.transport.outbound.smtp_server import Session
from chatmaild.wire import socketmap
from chatmaild.wire.serve import listen_tcp, listen_unix, streams

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
        any_exists=partial(socketmap.any_found, settings.sockets.recipients, "recipients"),
        counters=counters,
    )
    sockets = settings.sockets
    for server in (
        streams(listen_tcp(LOOPBACK, settings.ports.transport_smtp), gateway),
        streams(listen_unix(sockets.mxdeliv), mxdeliv.connection, limit_bytes=MAX_HEAD_BYTES),
        streams(listen_unix(sockets.destinations), socketmap.connection(routes(destinations))),
    ):
        await stack.enter_async_context(server)


def routes(destinations: Destinations) -> socketmap.LookUp:
    """Return the map of the ways to domains."""

    def look_up(_: str, key: str) -> str:
        # Postfix asks for `user@domain`, then for `domain`: the first answer is for all
        route = destinations.route(domain_of(key), time.monotonic())
        return socketmap.found(route) if route else socketmap.NOT_FOUND

    return look_up
