"""Set up the directory of a front: the sockets of `chatmaild accounts`, answered by the stores."""

from contextlib import AsyncExitStack
from functools import partial

from chatmaild.accounts import dovecot
from chatmaild.accounts.cluster.identity import Identities
from chatmaild.accounts.limits.creations import Creations
from chatmaild.accounts.limits.patience import Patience
from chatmaild.accounts.refusals import Refusals
from chatmaild.accounts.registration import count_memory
from chatmaild.accounts.web.endpoints import Web
from chatmaild.directory import account_state
from chatmaild.directory.directory import Directory
from chatmaild.directory.logins import Logins
from chatmaild.directory.maps import Maps
from chatmaild.directory.outages import Outages
from chatmaild.directory.stores import Stores
from chatmaild.directory.web import StoredAccounts
from chatmaild.metrics import Counters, collecting, dump, families
from chatmaild.net import loopback
from chatmaild.settings import Settings
from chatmaild.wire import socketmap
from chatmaild.wire.http_server import http
from chatmaild.wire.serve import listen_tcp, listen_unix, streams


async def set_up(settings: Settings, stack: AsyncExitStack) -> None:
    """Start all servers; the stack stops them, then the connections to the stores.

    Raises:
        OSError: a socket cannot be used.
    """
    # first of all: where another process serves these, nothing else begins
    sockets, cluster = settings.sockets, settings.cluster
    for_maps = [
        stack.enter_context(listen_unix(path))
        for path in (sockets.recipients, sockets.transports, sockets.transport_recipients)
    ]
    requests = stack.enter_context(listen_unix(sockets.web))
    for_filter = stack.enter_context(listen_unix(sockets.directory))
    for_dovecot = stack.enter_context(listen_tcp("127.0.0.1", settings.ports.login))
    numbers = stack.enter_context(listen_unix(sockets.accounts_metrics))

    counters = Counters(families.DIRECTORY)
    addresses = {name: store.address for name, store in cluster.stores.items()}
    stores = Stores(addresses, settings.ports.accounts, Identities.of(settings))
    outages = Outages(settings)
    await stack.enter_async_context(outages.handled())
    stores.on_change(outages.changed)
    await stack.enter_async_context(stores.watched())
    directory = Directory(stores, cluster.placements, counters)

    maps = Maps(settings, directory, outages)
    for listener in for_maps:
        await stack.enter_async_context(streams(listener, socketmap.connection(maps.look_up)))
    answer = account_state.handler(directory, settings.mail_domain)
    await stack.enter_async_context(http(for_filter, answer))
    creations = Creations(settings.registration)
    web = Web(settings, StoredAccounts(settings, directory, creations), creations)
    await stack.enter_async_context(http(requests, web.handle, web.refusal))
    refusals, patience = Refusals(), _patience(settings)
    logins = Logins(directory, settings.mail_domain, refusals, creations)
    await stack.enter_async_context(
        http(
            for_dovecot,
            dovecot.handler(logins.check, refusals, patience),
            admits=partial(loopback.is_from, user=settings.users.dovecot),
        )
    )
    stack.callback(patience.stop)

    def numbers_now() -> bytes:
        for store in stores:
            counters.set("store_up", float(store.is_up), store=store.name)
        count_memory(counters)
        return dump.encode(counters)

    await stack.enter_async_context(streams(numbers, collecting.connection(numbers_now)))


def _patience(settings: Settings) -> Patience:
    """Return one that holds all SMTP logins that there can be: Postfix answers others with 535.

    It has two submission services, each with so many processes. How many are of one network is
    limited where they connect.
    """
    processes = 2 * settings.limits.smtp_connections
    return Patience(processes * 5 // 4, processes)
