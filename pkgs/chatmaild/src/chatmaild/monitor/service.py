"""Set up the collector: its port, and the task that measures the machine."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Final

from chatmaild.errors import ProtocolError
from chatmaild.logs import log_error
from chatmaild.metrics import Counters, collecting, families
from chatmaild.metrics.dump import Dump
from chatmaild.monitor import connections, machine, queue, reports
from chatmaild.monitor.endpoint import handler, read_token
from chatmaild.monitor.latency import Latencies
from chatmaild.services import VERSION
from chatmaild.settings import Settings
from chatmaild.wire.http_server import http
from chatmaild.wire.serve import listen_tcp

EVERY_S: Final = 15.0
# measuring takes at most this part of a core
MAX_SHARE: Final = 0.05

Measure = Callable[[Settings, Counters], None]


async def set_up(settings: Settings, stack: AsyncExitStack) -> None:
    """Start the server; the stack stops it.

    Raises:
        OSError: a socket cannot be used, or the token cannot be read.
        SettingsError: the address needs a token, and there is none.
    """
    token = read_token(settings)
    monitoring = settings.monitoring.metrics
    listener = stack.enter_context(listen_tcp(monitoring.address, monitoring.port))
    collector = Collector(settings)
    measuring = asyncio.create_task(collector.measure_forever())
    stack.callback(measuring.cancel)
    await stack.enter_async_context(http(listener, handler(collector.page, token)))


class Collector:
    """Makes the page: metrics of the services, and its own measurements."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._counters = Counters(families.MONITOR)
        self._counters.set("build_info", 1, version=VERSION)
        cluster = settings.cluster
        if cluster.machine is not None:
            self._counters.set("machine_info", 1, machine=cluster.machine, role=cluster.role)
        self._latencies = Latencies(self._counters, start_s=time.monotonic())
        self._measures: dict[str, Measure] = {
            "machine": machine.measure,
            "queue": queue.measure,
            "connections": connections.measure,
            "reports": reports.measure,
        }
        sockets = settings.sockets
        # on a front, the directory stands where accounts does
        accounts = families.DIRECTORY if cluster.role == "front" else families.ACCOUNTS
        self._sources = {
            accounts: sockets.accounts_metrics,
            families.FILTER: sockets.filter_metrics,
            families.TRANSPORT: sockets.transport_metrics,
        }
        if cluster.role == "store":
            # mail comes through the fronts
            del self._measures["queue"]
            self._sources = {accounts: sockets.accounts_metrics}

    async def page(self) -> bytes:
        """Return the page; a service that does not answer is missing, and counted as down."""
        found = dict(
            zip(
                self._sources,
                await asyncio.gather(*map(_read, self._sources.values())),
                strict=True,
            )
        )
        for source, numbers in found.items():
            self._counters.set("source_up", numbers is not None, source=source)
        # in a cluster a message is accepted on one machine and delivered on another
        accepted, delivered = found.get(families.FILTER), found.get(families.ACCOUNTS)
        if accepted is not None and delivered is not None:
            self._latencies.take(accepted.recent, delivered.recent)
        texts = [numbers.text for numbers in found.values() if numbers is not None]
        return "".join((*texts, self._counters.text())).encode()

    async def measure_forever(self) -> None:
        """Measure the machine every 15 s, or less often if that takes long."""
        while True:
            start_s = time.monotonic()
            for name, measure in self._measures.items():
                try:
                    await asyncio.to_thread(measure, self._settings, self._counters)
                except Exception as error:  # the others go on
                    log_error(name, error)
            took_s = time.monotonic() - start_s
            await asyncio.sleep(max(EVERY_S, took_s / MAX_SHARE))


async def _read(path: str) -> Dump | None:
    try:
        return await collecting.read(path)
    except (OSError, ProtocolError):
        return None
