"""Set up the service: its port for other stores, and the thread of the job."""

import asyncio
import threading
from contextlib import AsyncExitStack

from chatmaild.accounts.dovecot import normal_ip
from chatmaild.errors import SettingsError
from chatmaild.rebalance.arriving.endpoints import Stores
from chatmaild.rebalance.leaving.job import Job
from chatmaild.settings import Settings
from chatmaild.wire.http_server import http
from chatmaild.wire.listening import end_lost_connections
from chatmaild.wire.serve import listen_tcp

_SWEEP_S = 3600.0


async def set_up(settings: Settings, stack: AsyncExitStack) -> None:
    """Start the server and the job; the stack stops both.

    Raises:
        OSError: the port cannot be used.
        SettingsError: this machine is no store.
    """
    cluster = settings.cluster
    if cluster.role != "store" or cluster.address is None:
        raise SettingsError("cluster.machine: this machine is no store")
    listener = stack.enter_context(listen_tcp(cluster.address, settings.ports.moves))
    end_lost_connections(listener)
    stores = Stores(settings)
    others = frozenset(normal_ip(store.address) for store in cluster.stores.values())
    sweeping = asyncio.create_task(_sweep(stores))
    stack.callback(sweeping.cancel)
    await stack.enter_async_context(
        http(
            listener,
            stores.handle,
            admits=lambda client: normal_ip(client.getpeername()[0]) in others,
        )
    )
    stop = threading.Event()
    job = threading.Thread(target=Job(settings, stop).run, name="rebalance")
    job.start()

    async def end() -> None:
        stop.set()
        await asyncio.to_thread(job.join)

    stack.push_async_callback(end)


async def _sweep(stores: Stores) -> None:
    while True:
        await stores.sweep()
        await asyncio.sleep(_SWEEP_S)
