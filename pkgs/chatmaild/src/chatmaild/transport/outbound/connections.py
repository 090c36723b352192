"""TLS connections to hosts: Happy Eyeballs (RFC 8305), and a pool of idle connections.

Built on asyncio streams: an HTTP client library would double the memory of this process.
"""

import asyncio
import socket
import ssl
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from chatmaild.bounded import Bounded
from chatmaild.errors import BusyError
from chatmaild.net.networks import network
from chatmaild.transport.outbound.exchangers import Exchanger, Resolver
from chatmaild.transport.outbound.waiting import Waiting

# for TCP and TLS together; SMTP is tried after it
CONNECT_S = 5.0
# RFC 8305 section 5: delay before the next IP address is tried
NEXT_ADDRESS_S = 0.25
MAX_ADDRESSES = 4
# TCP user timeout (RFC 5482): ends a dead connection after 10 s; the default takes 15 minutes
UNACKNOWLEDGED_S = 10.0
# below nginx' default keepalive_timeout of 75 s, so that few connections close during a request
KEEP_S = 50.0
# a connection that was opened ahead: the client has sent its message by then, or gave up
KEEP_PREPARED_S = 15.0
MAX_OPENING = 20
# Postfix' default_destination_concurrency_limit: more are never used at once
MAX_KEPT_PER_HOST = 20
# about 10 KB of buffers each
MAX_KEPT = 100
MAX_NETWORKS = 1000


@dataclass(slots=True, kw_only=True, eq=False)
class Connection:
    """An open TLS connection to a host."""

    host: Exchanger
    address: str
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    closing: asyncio.TimerHandle | None = None

    @property
    def alive(self) -> bool:
        """Whether neither side has closed it."""
        return not (self.reader.at_eof() or self.writer.is_closing())

    def close(self) -> None:
        """Close the connection without waiting."""
        self.writer.close()


class Connections:
    """Opens connections, and pools idle ones.

    Args:
        resolver: looks up IP addresses; must not block.
        port: 443; tests use another.
        context: trust store; tests use another than the system's.
    """

    def __init__(
        self, resolver: Resolver, *, port: int = 443, context: ssl.SSLContext | None = None
    ) -> None:
        self._resolver = resolver
        self.port = port
        self._verifying = context
        self._lax: ssl.SSLContext | None = None
        self._kept: list[Connection] = []
        # connections that are opened ahead
        self._opening: dict[Exchanger, asyncio.Task[Connection]] = {}
        self.waiting = Waiting()
        # host -> network of the last connection
        self.networks: Bounded[str, str] = Bounded(MAX_NETWORKS)

    def kept(self, host: Exchanger) -> Connection | None:
        """Take an idle connection to a host out of the pool, or return None."""
        for connection in reversed(self._kept):
            if connection.host == host:
                self._remove(connection)
                if connection.alive:
                    return connection
                connection.close()
        return None

    def prepare(self, host: Exchanger) -> None:
        """Open a connection to a host in the background, unless there is one."""
        is_kept = any(kept.host == host and kept.alive for kept in self._kept)
        if is_kept or host in self._opening or len(self._opening) >= MAX_OPENING:
            return
        task = self._opening[host] = asyncio.create_task(self.open(host))
        task.add_done_callback(lambda _: self._prepared(host, task))

    async def take(self, host: Exchanger) -> Connection:
        """Return an idle connection, the one that is being opened ahead, or a new one.

        Raises:
            OSError: see `open`.
            TimeoutError: see `open`.
            BusyError: see `open`.
        """
        kept = self.kept(host)
        if kept is not None:
            return kept
        opening = self._opening.pop(host, None)
        return await (self.open(host) if opening is None else opening)

    async def open(self, host: Exchanger) -> Connection:
        """Open a connection to the first IP address that answers.

        Raises:
            OSError: none does, or the certificate is not valid for the host (ssl.SSLError).
            TimeoutError: none does in time.
            BusyError: too many deliveries wait at each of them.
        """
        found = await self._resolver.addresses(host.name)
        addresses = [address for address in found if not self.waiting.is_full(address)]
        if found and not addresses:
            raise BusyError("too many deliveries wait")
        async with asyncio.timeout(CONNECT_S), _Race() as race:
            for address in addresses[:MAX_ADDRESSES]:
                race.start(self._open(host, address))
                if winner := await race.winner(NEXT_ADDRESS_S):
                    return self._opened(winner)
            while race.running:
                if winner := await race.winner(CONNECT_S):
                    return self._opened(winner)
            raise race.error or OSError("no address")

    def _opened(self, connection: Connection) -> Connection:
        self.networks[connection.host.name] = network(connection.address)
        return connection

    def _prepared(self, host: Exchanger, task: asyncio.Task[Connection]) -> None:
        if self._opening.get(host) is not task:
            return  # a delivery waits for it
        del self._opening[host]
        if not task.cancelled() and task.exception() is None:
            self.keep(task.result(), KEEP_PREPARED_S)

    def keep(self, connection: Connection, for_s: float = KEEP_S) -> None:
        """Put a connection into the pool."""
        of_host = [kept for kept in self._kept if kept.host == connection.host]
        if len(of_host) >= MAX_KEPT_PER_HOST or len(self._kept) >= MAX_KEPT:
            self._drop(of_host[0] if of_host else self._kept[0])
        loop = asyncio.get_running_loop()
        connection.closing = loop.call_later(for_s, self._drop, connection)
        self._kept.append(connection)

    def forget(self, host: Exchanger) -> None:
        """Close the pooled connections to a host, after one of them broke."""
        for connection in [kept for kept in self._kept if kept.host == host]:
            self._drop(connection)

    def close(self) -> None:
        """Close all pooled connections."""
        for task in self._opening.values():
            task.cancel()
        for connection in list(self._kept):
            self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        self._remove(connection)
        connection.close()

    def _remove(self, connection: Connection) -> None:
        self._kept.remove(connection)
        if connection.closing is not None:
            connection.closing.cancel()

    async def _open(self, host: Exchanger, address: str) -> Connection:
        context = self.context(verify=host.verify)
        with self.waiting.at(address):
            reader, writer = await asyncio.open_connection(
                address, self.port, ssl=context, server_hostname=host.name
            )
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(1000 * UNACKNOWLEDGED_S))
        return Connection(host=host, address=address, reader=reader, writer=writer)

    def context(self, *, verify: bool) -> ssl.SSLContext:
        """Return the TLS context for a host."""
        if verify:
            self._verifying = self._verifying or ssl.create_default_context()
            return self._verifying
        if self._lax is None:
            self._lax = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            self._lax.check_hostname = False
            self._lax.verify_mode = ssl.CERT_NONE
        return self._lax


class _Race:
    """Connection attempts that run in parallel; all but the winner are closed."""

    def __init__(self) -> None:
        self.running: set[asyncio.Task[Connection]] = set()
        self.error: BaseException | None = None

    async def __aenter__(self) -> "_Race":
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self.running:
            task.cancel()
        for result in await asyncio.gather(*self.running, return_exceptions=True):
            if isinstance(result, Connection):
                result.close()

    def start(self, attempt: Coroutine[Any, Any, Connection]) -> None:
        """Start an attempt."""
        self.running.add(asyncio.create_task(attempt))

    async def winner(self, within_s: float) -> Connection | None:
        """Return the first connection; None after a timeout or a failed attempt."""
        done, self.running = await asyncio.wait(
            self.running, timeout=within_s, return_when=asyncio.FIRST_COMPLETED
        )
        connection = None
        for task in done:
            error = task.exception()
            if error is not None:
                self.error = error
            elif connection is None:
                connection = task.result()
            else:
                task.result().close()
        return connection
