"""TLS connections to hosts: opened by the quickest of their addresses, kept for a while.

On asyncio's streams: an HTTP client library would double the memory of this process.
"""

import asyncio
import socket
import ssl
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from chatmaild.transport.outbound.exchangers import Exchanger, Resolver

# TCP and TLS together; SMTP waits behind it
CONNECT_S = 5.0
# RFC 8305 section 5: the next address gets its turn after this long
NEXT_ADDRESS_S = 0.25
MAX_ADDRESSES = 4
# RFC 5482: packets that nobody acknowledges for this long end a connection whose path has died,
# which TCP itself would notice after a quarter of an hour
UNACKNOWLEDGED_S = 10.0
# below nginx' default keepalive_timeout of 75 s, so that connections seldom close under us
KEEP_S = 50.0
# as many as Postfix uses at a time for one destination (default_destination_concurrency_limit):
# in a burst, handshakes would cost both sides more than the messages
MAX_KEPT_PER_HOST = 20
# each has some ten KB of buffers
MAX_KEPT = 100


@dataclass(slots=True, kw_only=True, eq=False)
class Connection:
    """An open connection to a host."""

    host: Exchanger
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    closing: asyncio.TimerHandle | None = None

    @property
    def alive(self) -> bool:
        """The host has not closed it as far as is known."""
        return not (self.reader.at_eof() or self.writer.is_closing())

    def close(self) -> None:
        """Close it without waiting."""
        self.writer.close()


class Connections:
    """Opens connections and keeps some of them.

    Args:
        resolver: for the addresses of hosts; must not block.
        port: another port than 443, for tests.
        context: another context than the system's, for tests.
    """

    def __init__(
        self, resolver: Resolver, *, port: int = 443, context: ssl.SSLContext | None = None
    ) -> None:
        self._resolver = resolver
        self.port = port
        self._verifying = context
        self._lax: ssl.SSLContext | None = None
        self._kept: list[Connection] = []

    def kept(self, host: Exchanger) -> Connection | None:
        """A connection from before, or None."""
        for connection in reversed(self._kept):
            if connection.host == host:
                self._remove(connection)
                if connection.alive:
                    return connection
                connection.close()
        return None

    async def open(self, host: Exchanger) -> Connection:
        """A new connection, by the first address that answers.

        Raises:
            OSError: none does, or the certificate is not valid for the host (ssl.SSLError).
            TimeoutError: none does in time.
        """
        addresses = await self._resolver.addresses(host.name)
        async with asyncio.timeout(CONNECT_S), _Race() as race:
            for address in addresses[:MAX_ADDRESSES]:
                race.start(self._open(host, address))
                if winner := await race.winner(NEXT_ADDRESS_S):
                    return winner
            while race.running:
                if winner := await race.winner(CONNECT_S):
                    return winner
            raise race.error or OSError("no address")

    def keep(self, connection: Connection) -> None:
        """Take a connection back for the next message."""
        of_host = [kept for kept in self._kept if kept.host == connection.host]
        if len(of_host) >= MAX_KEPT_PER_HOST or len(self._kept) >= MAX_KEPT:
            self._drop(of_host[0] if of_host else self._kept[0])
        loop = asyncio.get_running_loop()
        connection.closing = loop.call_later(KEEP_S, self._drop, connection)
        self._kept.append(connection)

    def forget(self, host: Exchanger) -> None:
        """Close what is kept of a host: one of its connections broke."""
        for connection in [kept for kept in self._kept if kept.host == host]:
            self._drop(connection)

    def close(self) -> None:
        """Close all that are kept."""
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
        context = self._context(verify=host.verify)
        reader, writer = await asyncio.open_connection(
            address, self.port, ssl=context, server_hostname=host.name
        )
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(1000 * UNACKNOWLEDGED_S))
        return Connection(host=host, reader=reader, writer=writer)

    def _context(self, *, verify: bool) -> ssl.SSLContext:
        if verify:
            self._verifying = self._verifying or ssl.create_default_context()
            return self._verifying
        if self._lax is None:
            self._lax = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            self._lax.check_hostname = False
            self._lax.verify_mode = ssl.CERT_NONE
        return self._lax


class _Race:
    """Attempts that run at the same time; the losers are closed."""

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
        """Add an attempt."""
        self.running.add(asyncio.create_task(attempt))

    async def winner(self, within_s: float) -> Connection | None:
        """The first connection, or None when there is none yet or an attempt failed."""
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
