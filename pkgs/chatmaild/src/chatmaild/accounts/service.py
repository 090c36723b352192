"""Set up the accounts service: its sockets and what answers there.

On a store neither Postfix nor nginx asks: the fronts do, see `fronts`.
"""

import asyncio
import socket
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
from chatmaild.accounts.registration import count_memory
from chatmaild.accounts.web.endpoints import Web
from chatmaild.accounts.web.own import OwnAccounts
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
from chatmaild.wire.listening import end_lost_connections
from chatmaild.wire.serve import listen_tcp, listen_unix, streams


async def set_up(settings: Settings, stack: AsyncExitStack) -> None:
    """Start all servers; the stack stops them, those of clients before what they use.

    Raises:
        OSError: a socket or the state directory cannot be used.
    """
    # first of all: where another process serves these, nothing of its state is touched
    sockets, cluster = settings.sockets, settings.cluster
    own: list[socket.socket] = []
    requests = for_fronts = None
    if cluster.role == "store":
        assert cluster.address is not None
        for_fronts = stack.enter_context(listen_tcp(cluster.address, settings.ports.accounts))
    else:
        maps = (sockets.recipients, sockets.transports, sockets.transport_recipients)
        own += [stack.enter_context(listen_unix(path)) for path in maps]
        requests = stack.enter_context(listen_unix(sockets.web))
    keys = stack.enter_context(listen_unix(sockets.metadata, 0o600))  # Dovecot is the same user
    for_dovecot = stack.enter_context(listen_tcp("127.0.0.1", settings.ports.login))
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
    # fronts have counted what a store creates
    creations = None if cluster.role == "store" else Creations(settings.registration)
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
        if not found.is_delivery:
            return
        counters.add("deliveries", result="delivered" if found.worked else "failed")
        if found.worked:
            counters.add("delivered_bytes", found.size_bytes)
            recent.note(found.message_id, time.monotonic())
        else:
            fullness.suspect(found.owner)

    deliveries = Deliveries(settings.sockets.deliveries, delivered)
    deliveries.start()
    stack.callback(deliveries.stop)

    look_up = Maps.of(settings, mailboxes.is_usable).look_up
    for listener in own:
        await stack.enter_async_context(streams(listener, socketmap.connection(look_up)))
    await stack.enter_async_context(streams(keys, metadata.connection(Keys(settings, tokens))))
    notice = Notice(settings).current
    check = dovecot.own_check(logins, notice)
    if requests is not None and creations is not None:
        web = Web(settings, OwnAccounts(settings, logins, counters, creations), creations)
        await stack.enter_async_context(http(requests, web.handle, web.refusal))
    if for_fronts is not None:
        from chatmaild.accounts.cluster import fronts  # other machines need no memory for it

        api = fronts.Fronts(settings, logins, counters)
        end_lost_connections(for_fronts)
        await stack.enter_async_context(http(for_fronts, api.handle, api.refusal, api.admits))
        check = dovecot.store_check(logins, notice, fronts.addresses_of_fronts(settings))
    patience = Patience()
    await stack.enter_async_context(
        http(
            for_dovecot,
            dovecot.handler(check, logins.refusals, patience),
            admits=partial(loopback.is_from, user=settings.users.dovecot),
        )
    )
    stack.callback(patience.stop)

    def numbers_now() -> bytes:
        sender.measure()
        count_memory(counters)
        return dump.encode(counters, recent)

    await stack.enter_async_context(streams(numbers, collecting.connection(numbers_now)))
