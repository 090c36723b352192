"""Set up the transport service: its sockets and what answers there."""

import asyncio
import secrets
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Final

from chatmaild.address import domain_of
from chatmaild.flow import last_hour, last_seen
from chatmaild.metrics import Counters, collecting, dump, families
from chatmaild.net import loopback
from chatmaild.settings import Settings
from chatmaild.store.decisions.domains import Domains
from chatmaild.transport import silence
from chatmaild.transport.inbound.direct import Direct
from chatmaild.transport.inbound.mxdeliv import MAX_HEAD_BYTES, Mxdeliv
from chatmaild.transport.inbound.smtp_client import SmtpSessions
from chatmaild.transport.outbound.connections import Connections
from chatmaild.transport.outbound.delivery import Delivery
from chatmaild.transport.outbound.destinations import Destinations
from chatmaild.transport.outbound.exchangers import DnsResolver, literal
from chatmaild.transport.outbound.https_client import HttpsClient
from chatmaild.transport.outbound.networks import Networks
from chatmaild.transport.outbound.probe import Probes
from chatmaild.transport.outbound.smtp_server import Session
from chatmaild.transport.silence import Silence
from chatmaild.wire import socketmap
from chatmaild.wire.serve import listen_tcp, listen_unix, streams

LOOPBACK: Final = "127.0.0.1"
# names of the smtp clients in master.cf for known and for unknown domains
SMTP_CLIENT: Final = "smtp-https"
SMTP_CLIENT_NEW: Final = "smtp-new"
# a crash loses less than this, of a month
SAVE_EVERY_S: Final = 600.0

_OK: Final = socketmap.found("OK")
_IGNORE: Final = socketmap.found("IGNORE")
_SMTP_ALONE: Final = socketmap.found("smtp:")
# RFC 3463 section 3.5: routing
_SILENT: Final = socketmap.found("error:5.4.1 No server of this domain has answered for a month")
# as in filter/verdicts.py
_BLOCKED: Final = socketmap.found(
    "error:5.7.1 Mail to and from this domain is blocked by the operator of this relay"
)
_NOT_PUBLIC: Final = socketmap.found("error:5.4.4 Mail goes to public IP addresses only")


async def set_up(settings: Settings, stack: AsyncExitStack) -> None:
    """Start all servers; the stack stops them.

    Raises:
        OSError: a socket cannot be used.
        SettingsError: see `Domains`.
    """
    counters = Counters(families.TRANSPORT)
    silent = await _kept_silence(Path(settings.directories.transport), stack)
    flow = last_hour.LastHour(Path(settings.sockets.mxdeliv).parent / last_hour.NAME, counters.text)
    minutes = asyncio.create_task(flow.run())
    stack.callback(minutes.cancel)
    destinations = Destinations(
        service=SMTP_CLIENT,
        new_service=SMTP_CLIENT_NEW,
        gateway=f"[{LOOPBACK}]:{settings.ports.transport_smtp}",
        local_domain=settings.mail_domain,
        silence=silent,
    )
    networks = Networks(settings.network.private_networks)
    resolver = DnsResolver(networks, ipv4_only=settings.mail_domain.startswith("["))
    connections = Connections(resolver)
    stack.callback(connections.close)
    probes = Probes(
        resolver,
        destinations,
        connections.context,
        name=settings.mail_domain,
        clock_s=time.monotonic,
    )
    stack.callback(probes.close)
    delivery = Delivery(
        resolver,
        HttpsClient(connections),
        destinations,
        counters=counters,
        without_https=probes.start,
    )

    async def gateway(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # others must not send mail past the filter
        if loopback.is_from(writer.get_extra_info("socket"), settings.users.postfix):
            await Session(delivery, reader, writer).run()

    # Postfix' ingress for HTTPS takes mail from the client that knows it: from this process
    own_name = secrets.token_hex(16)
    smtp_sessions = SmtpSessions(settings.ports.mxdeliv_smtp, own_name)
    stack.callback(smtp_sessions.close)
    recipients = socketmap.Client(settings.sockets.transport_recipients)
    stack.callback(recipients.close)
    seen = last_seen.LastSeen.of(settings, last_seen.HTTPS)
    direct = Direct(settings.sockets.milter_direct, settings.sockets.lmtp_direct)
    stack.callback(direct.close)
    mxdeliv = Mxdeliv(
        smtp_sessions=smtp_sessions,
        max_message_bytes=settings.mail.max_message_bytes,
        max_recipients=settings.mail.max_recipients,
        any_exists=partial(recipients.any_found, "recipients"),
        counters=counters,
        last_seen=seen,
        direct=direct if settings.mail.direct_delivery else None,
    )
    sockets = settings.sockets
    allows = Domains(settings).allow
    maps = socketmap.connection(
        lookups(destinations, networks, allows, probes.start, own_name, delivery.prepare)
    )
    for server in (
        # first, so that it stops last: Postfix asks it about each session of mxdeliv
        streams(listen_unix(sockets.destinations), maps),
        streams(listen_tcp(LOOPBACK, settings.ports.transport_smtp), gateway),
        streams(listen_unix(sockets.mxdeliv), mxdeliv.connection, limit_bytes=MAX_HEAD_BYTES),
        streams(
            listen_unix(sockets.transport_metrics),
            collecting.connection(lambda: dump.encode(counters)),
        ),
    ):
        await stack.enter_async_context(server)
    seen.begin()


async def _kept_silence(state: Path, stack: AsyncExitStack) -> Silence:
    """Return the silent domains; they are written now and then, and at the end."""
    known = silence.open_(state)

    async def keep() -> None:
        while True:
            await asyncio.sleep(SAVE_EVERY_S)
            await asyncio.to_thread(silence.save, known, state)

    stack.callback(silence.save, known, state)
    task = asyncio.create_task(keep())
    stack.callback(task.cancel)
    return known


def lookups(
    destinations: Destinations,
    networks: Networks,
    allows: Callable[[str], bool],
    without_https: Callable[[str], None],
    own_name: str,
    prepare: Callable[[str], None] = lambda _: None,
) -> socketmap.LookUp:
    """Return the maps of Postfix' queue manager, smtp client and ingress for HTTPS.

    `destinations` has the route of a domain (transport(5)), `dns-replies` the records that the smtp
    client must ignore (smtp_dns_reply_filter in postconf(5)), `greetings` the name by which the
    ingress knows this process (check_helo_access). `allows` tells whether the operator allows a
    domain, `without_https` is called with a domain that gets its mail over SMTP. `smtp-alone` has
    the route of a domain that is never asked for HTTPS. A look-up in `expected` comes from the
    filter: a client is sending a message to the domain, so `prepare` is called with it.
    """

    def look_up(name: str, key: str) -> str:
        match name:
            case "destinations" | "smtp-alone":
                # Postfix looks up `user@domain`, then `domain`; the first answer counts
                domain = domain_of(key)
                if domain and not allows(domain):
                    return _BLOCKED
                if name == "smtp-alone":
                    return _SMTP_ALONE
                return _route(destinations, networks, domain, without_https)
            case "expected":
                route = _route(destinations, networks, key, lambda _: None)
                if route not in (socketmap.NOT_FOUND, _SILENT, _NOT_PUBLIC) and allows(key):
                    prepare(key)
                return socketmap.NOT_FOUND
            case "dns-replies":
                return socketmap.NOT_FOUND if _is_allowed(networks, key) else _IGNORE
            case "greetings":
                known = secrets.compare_digest(key.encode(), own_name.encode())
                return _OK if known else socketmap.NOT_FOUND
            case _:
                return socketmap.NO_SUCH_MAP

    return look_up


def _route(
    destinations: Destinations,
    networks: Networks,
    domain: str,
    without_https: Callable[[str], None],
) -> str:
    host = literal(domain)
    if host is not None and domain != destinations.local_domain and not networks.allow(host.name):
        return _NOT_PUBLIC
    if destinations.silence.gives_up(domain):
        return _SILENT
    now_s = time.monotonic()
    route = destinations.route(domain, now_s)
    if route and not destinations.is_https_first(domain, now_s):
        without_https(domain)
    return socketmap.found(route) if route else socketmap.NOT_FOUND


def _is_allowed(networks: Networks, record: str) -> bool:
    """Whether a record `NAME TTL CLASS TYPE VALUE` leads to an address that is allowed."""
    fields = record.split()
    return len(fields) < 5 or fields[3] not in {"A", "AAAA"} or networks.allow(fields[4])
