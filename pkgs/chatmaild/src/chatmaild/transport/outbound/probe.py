"""Probes of SMTP servers, which tell whether a domain without HTTPS answers.

Postfix delivers to these domains and does not report the outcome. A probe goes as far as a delivery
does without an envelope: greeting, EHLO, STARTTLS with the certificate checked, EHLO, QUIT.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from typing import Final, Protocol

from chatmaild.bounded import Bounded
from chatmaild.errors import ChatmaildError
from chatmaild.net.networks import network
from chatmaild.transport.outbound.destinations import Destinations
from chatmaild.transport.outbound.exchangers import Exchanger, NoExchangerError, Resolver

# a server that greets later stays with the unknown ones; their mail arrives, too
PROBE_S = 15.0
# of each IP address; a domain whose many addresses take longer than a probe is never silent
CONNECT_S = 3.0
# between two probes of a domain
AGAIN_S: Final = 60.0
MAX_PROBES: Final = 20
MAX_ENTRIES: Final = 20_000
_MAX_LINES: Final = 64


class NoAnswerError(ChatmaildError):
    """The server does not answer as an SMTP server with STARTTLS does."""


class Context(Protocol):
    """Gives the TLS context for a host."""

    def __call__(self, *, verify: bool) -> ssl.SSLContext: ...


class Probes:
    """Runs probes in the background, few at once.

    Args:
        resolver: finds hosts and IP addresses.
        destinations: learns the outcome.
        context: makes TLS contexts.
        name: what EHLO says.
        port: 25; tests use another.
    """

    def __init__(
        self,
        resolver: Resolver,
        destinations: Destinations,
        context: Context,
        *,
        name: str,
        clock_s: Callable[[], float],
        port: int = 25,
    ) -> None:
        self._resolver = resolver
        self._destinations = destinations
        self._context = context
        self._name = name
        self._clock_s = clock_s
        self._port = port
        self._last_s: Bounded[str, float] = Bounded(MAX_ENTRIES)
        self._networks: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, domain: str) -> None:
        """Probe a domain unless it is known, was probed lately, or too many probes run."""
        now_s = self._clock_s()
        if self._destinations.is_known(domain, now_s) or len(self._tasks) >= MAX_PROBES:
            return
        if now_s - self._last_s.get(domain, -AGAIN_S) < AGAIN_S:
            return
        self._last_s[domain] = now_s
        task = asyncio.create_task(self._probe(domain))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """End all probes."""
        for task in self._tasks:
            task.cancel()

    async def _probe(self, domain: str) -> None:
        # no log line: a probe decides the pool of delivery agents, and whether a domain is silent
        with contextlib.suppress(OSError, EOFError, ValueError, NoAnswerError, NoExchangerError):
            async with asyncio.timeout(PROBE_S):
                if not await self._reaches(domain):
                    self._destinations.silence.fails(domain)

    async def _reaches(self, domain: str) -> bool:
        """Try all hosts until one accepts a connection, and talk to it; False if none does.

        Raises:
            NoAnswerError: a host accepted a connection and is no SMTP server, or nothing is known.
        """
        was_tried = False
        for host in await self._resolver.exchangers(domain):
            for address in await self._resolver.addresses(host.name):
                name = network(address)
                # one probe at a time for each network: a host that stalls holds one alone
                if name in self._networks:
                    self._last_s.pop(domain, None)
                    raise NoAnswerError("its network is being probed")
                self._networks.add(name)
                try:
                    if connection := await self._connected(address):
                        # whatever it says: it is there
                        self._destinations.silence.answers(domain)
                        await self._talk(host, *connection)
                        self._destinations.answers(domain, name, self._clock_s())
                        return True
                finally:
                    self._networks.remove(name)
                was_tried = True
        if not was_tried:
            raise NoAnswerError("no IP address")
        return False

    async def _connected(
        self, address: str
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        try:
            async with asyncio.timeout(CONNECT_S):
                return await asyncio.open_connection(address, self._port)
        except OSError:
            return None

    async def _talk(
        self, host: Exchanger, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            await _expect(reader, b"220")
            ehlo = f"EHLO {self._name}\r\n".encode()
            writer.write(ehlo)
            offered = await _expect(reader, b"250")
            if b"STARTTLS" not in offered:
                writer.write(b"QUIT\r\n")
                raise NoAnswerError("no TLS")
            writer.write(b"STARTTLS\r\n")
            await _expect(reader, b"220")
            await writer.start_tls(self._context(verify=host.verify), server_hostname=host.name)
            writer.write(ehlo)
            await _expect(reader, b"250")
            writer.write(b"QUIT\r\n")
            await writer.drain()
        finally:
            writer.close()


async def _expect(reader: asyncio.StreamReader, code: bytes) -> list[bytes]:
    """Read a reply of several lines (RFC 5321 section 4.2.1); return the texts in upper case.

    Raises:
        NoAnswerError: the reply has another code, or more than 64 lines.
    """
    texts: list[bytes] = []
    for _ in range(_MAX_LINES):
        line = await reader.readline()
        if not line.startswith(code):
            break
        texts.append(line[4:].strip().upper())
        if line[3:4] != b"-":
            return texts
    raise NoAnswerError("another reply")
