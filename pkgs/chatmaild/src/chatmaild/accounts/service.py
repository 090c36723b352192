"""Set up the accounts service: its sockets and what answers there."""

import asyncio
import contextlib
import time
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from chatmaild.accounts import dovecot
from chatmaild.accounts.limits.creations import Creations
from chatmaild.accounts.limits.guesses import Guesses
from chatmaild.accounts.limits.patience import Patience
from chatmaild.accounts.login import Logins
from chatmaild.accounts.metadata import server as metadata
from chatmaild.accounts.metadata.keys import Keys
from chatmaild.accounts.push.deliveries import Deliveries
from chatmaild.accounts.push.events import delivery
from chatmaild.accounts.push.sender import Sender
from chatmaild.accounts.recipients import Maps
from chatmaild.accounts.registration import memory_bytes
from chatmaild.accounts.web.endpoints import Web
from chatmaild.flow import last_hour
from chatmaild.metrics import Counters, collecting, dump, families
from chatmaild.metrics.recent import Recent
from chatmaild.net import loopback
from chatmaild.settings import Settings
from chatmaild.store import space
from chatmaild.store.decisions.notice import Notice
from chatmaild.store.fullness import Fullness
from chatmaild.store.mailboxes import Mailboxes
from chatmaild.store.notifications import DiskQueue
from chatmaild.store.tokens import Tokens
from chatmaild.wire import socketmap
from chatmaild.wire.http_server import http
from chatmaild.wire.serve import listen_tcp, listen_unix, streams


async def set_up(settings: Settings, stack: AsyncExitStack) -> None:
    """Start all servers; the stack stops them, those of clients before what they use.

    Raises:
        OSError: a socket or the state directory cannot be used.
    """
    # first of all: where another process serves these, nothing of its state is touched
    sockets = settings.sockets
    recipients = stack.enter_context(listen_unix(sockets.recipients))
    transports = stack.enter_context(listen_unix(sockets.transports))
    keys = stack.enter_context(listen_unix(sockets.metadata, 0o600))  # Dovecot is the same user
    requests = stack.enter_context(listen_unix(sockets.web))
    for_dovecot = stack.enter_context(listen_tcp("127.0.0.1", settings.ports.login))
    for_transport = stack.enter_context(listen_unix(sockets.transport_recipients))
    numbers = stack.enter_context(listen_unix(sockets.accounts_metrics))

    watch = asyncio.create_task(space.watch(settings))
    stack.callback(watch.cancel)
    mailboxes = Mailboxes.of(settings)
    fullness = Fullness(mailboxes)
    counters, recent = Counters(families.ACCOUNTS), Recent()
    flow = last_hour.LastHour(Path(sockets.metadata).parent / last_hour.NAME, counters.text)
    minutes = asyncio.create_task(flow.run())
    stack.callback(minutes.cancel)
    tokens = Tokens(mailboxes, settings.push.token_valid_days)
    creations = Creations(settings.registration)
    guesses = Guesses()
    logins = Logins(settings, counters, creations, guesses)
    stack.callback(logins.close)
    sender = Sender(settings.push, DiskQueue(settings.directories.accounts), tokens, counters)
    if settings.push.enable:
        sender.start()
        stack.push_async_callback(sender.stop)

    def delivered(event: bytes) -> None:
        found = delivery(event)
        if found is None:
            return
        # first: it may fail, and is repeated then
        if found.is_news and settings.push.enable:
            sender.notify(found.owner)
        counters.add("deliveries", result="delivered" if found.worked else "failed")
        if found.worked:
            counters.add("delivered_bytes", found.size_bytes)
            recent.note(found.message_id, time.monotonic())
        else:
            fullness.suspect(found.owner)

    deliveries = Deliveries(settings.sockets.deliveries, delivered)
    deliveries.start()
    stack.callback(deliveries.stop)

    maps = Maps.of(settings, mailboxes.is_usable)
    for listener in (recipients, transports, for_transport):
        await stack.enter_async_context(streams(listener, socketmap.connection(maps.look_up)))
    await stack.enter_async_context(streams(keys, metadata.connection(Keys(settings, tokens))))
    web = Web(settings, logins, counters, creations)
    await stack.enter_async_context(http(requests, web.handle, web.refusal))
    patience = Patience()
    await stack.enter_async_context(
        http(
            for_dovecot,
            dovecot.handler(logins, patience, Notice(settings).current),
            admits=partial(loopback.is_from, user=settings.users.dovecot),
        )
    )
    stack.callback(patience.stop)

    def numbers_now() -> bytes:
        sender.measure()
        with contextlib.suppress(OSError, ValueError, KeyError):
            available_bytes, all_bytes = memory_bytes()
            counters.set("memory_available_bytes", available_bytes)
            counters.set("memory_size_bytes", all_bytes)
        return dump.encode(counters, recent)

    await stack.enter_async_context(streams(numbers, collecting.connection(numbers_now)))
