"""A server without HTTPS is known after it answered a probe over SMTP."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from chatmaild.transport.outbound import probe
from chatmaild.transport.outbound.destinations import Destinations
from chatmaild.transport.outbound.exchangers import Exchanger
from chatmaild.transport.outbound.probe import AGAIN_S, Probes
from chatmaild.transport.silence import Silence

from ...waiting import DEADLINE_S
from ..conftest import CERTIFIED, Certificate, Names, listening

# nothing listens there on the port of the server
CLOSED, ALSO_CLOSED = "127.0.0.2", "127.0.0.3"


class Heard(Silence):
    """Lists the domains that did not answer."""

    def __init__(self, silent: list[str]) -> None:
        super().__init__()
        self._silent = silent

    def fails(self, domain: str) -> None:
        """Note it."""
        self._silent.append(domain)


class Server:
    """An SMTP server with STARTTLS, which stops before one of its answers."""

    def __init__(
        self, certificate: Certificate, *, silent_at: str = "", offers: str = "STARTTLS"
    ) -> None:
        self.certificate = certificate
        self.offers = offers
        self.silent_at = silent_at
        self.sessions = 0
        self.lines: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.sessions += 1
        await self._says(writer, "greeting", "220 mx.peer.test ESMTP")
        while line := (await reader.readline()).decode().strip():
            self.lines.append(line)
            verb = line.partition(" ")[0]
            if verb == "STARTTLS":
                await self._says(writer, verb, "220 go")
                await writer.start_tls(self.certificate.server)
            else:
                await self._says(writer, verb, f"250-mx.peer.test\r\n250 {self.offers}")

    async def _says(self, writer: asyncio.StreamWriter, at: str, text: str) -> None:
        if at == self.silent_at:
            await asyncio.Event().wait()
        writer.write(f"{text}\r\n".encode())
        await writer.drain()


class World:
    """Probes of one server."""

    def __init__(self, certificate: Certificate, port: int) -> None:
        self.now_s = 1000.0
        self.destinations = Destinations(service="s", new_service="n", gateway="g", local_domain="")
        host = [Exchanger(name=CERTIFIED, verify=True)]
        self.names = Names(hosts={"peer.test": host, "other.test": host})
        self.silent: list[str] = []
        self.destinations.silence = Heard(self.silent)

        def context(*, verify: bool) -> object:
            assert verify
            return certificate.client

        self.probes = Probes(
            self.names,
            self.destinations,
            context,  # type: ignore[arg-type]
            name="us.test",
            clock_s=lambda: self.now_s,
            port=port,
        )

    async def knows(self, domain: str) -> bool:
        """Probe the domain, and tell whether it is known afterwards."""
        self.probes.start(domain)
        await asyncio.gather(*self.probes._tasks)
        return self.destinations.is_known(domain, self.now_s)


@contextlib.asynccontextmanager
async def probing(server: Server) -> AsyncIterator[World]:
    """The server, and probes of it."""
    async with asyncio.timeout(DEADLINE_S), listening(server.serve) as port:
        world = World(server.certificate, port)
        yield world
        world.probes.close()


def test_a_server_that_answers_is_known(certificate: Certificate) -> None:
    """After EHLO over TLS; a known domain is not probed."""
    server = Server(certificate)

    async def scenario() -> None:
        async with probing(server) as w:
            assert await w.knows("peer.test")
            assert await w.knows("peer.test")

            assert server.sessions == 1
            assert server.lines[:3] == ["EHLO us.test", "STARTTLS", "EHLO us.test"]

    asyncio.run(scenario())


@pytest.mark.parametrize("at", ["greeting", "EHLO", "STARTTLS"])
def test_a_silent_server_is_not(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """A minute passes before it is probed again."""
    server = Server(certificate, silent_at=at)

    async def scenario() -> None:
        async with probing(server) as w:
            with monkeypatch.context() as patch:
                patch.setattr(probe, "PROBE_S", 0.1)
                assert not await w.knows("peer.test")
                sessions = server.sessions  # none if the machine had no time within 0.1 s
                assert not await w.knows("peer.test")
                assert server.sessions == sessions
            server.silent_at = ""
            w.now_s += AGAIN_S
            assert await w.knows("peer.test")
            assert server.sessions == sessions + 1

    asyncio.run(scenario())


def test_a_server_without_tls_is_left(certificate: Certificate) -> None:
    """STARTTLS is not sent where it is not offered (RFC 3207 section 4)."""
    server = Server(certificate, offers="SIZE")

    async def scenario() -> None:
        async with probing(server) as w:
            assert not await w.knows("peer.test")
            while len(server.lines) < 2:
                await asyncio.sleep(0.01)

            assert server.lines == ["EHLO us.test", "QUIT"]

    asyncio.run(scenario())


def test_one_probe_at_a_time_for_an_ip_address(certificate: Certificate) -> None:
    """The other domain is probed when its next message comes."""
    server = Server(certificate, silent_at="greeting")

    async def scenario() -> None:
        async with probing(server) as w:
            w.probes.start("peer.test")
            while not server.sessions:
                await asyncio.sleep(0.01)
            w.probes.start("other.test")
            await asyncio.wait(w.probes._tasks, return_when=asyncio.FIRST_COMPLETED)

            assert server.sessions == 1
            assert not w.destinations.is_known("other.test", w.now_s)

    asyncio.run(scenario())


def test_an_unknown_domain_does_no_harm(certificate: Certificate) -> None:
    """It has no host."""

    async def scenario() -> None:
        async with probing(Server(certificate)) as w:
            assert not await w.knows("nowhere.test")

    asyncio.run(scenario())


def test_a_domain_without_a_host_that_answers_is_silent(certificate: Certificate) -> None:
    """No IP address accepts a connection."""

    async def scenario() -> None:
        async with probing(Server(certificate)) as w:
            w.names.address[CERTIFIED] = [CLOSED, ALSO_CLOSED]
            assert not await w.knows("peer.test")

            assert w.silent == ["peer.test"]

    asyncio.run(scenario())


@pytest.mark.parametrize("silent_at", ["", "greeting"])
def test_a_host_that_accepts_a_connection_is_not_silent(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch, silent_at: str
) -> None:
    """Whatever it says, and although the first IP address is closed."""
    if silent_at:
        monkeypatch.setattr(probe, "PROBE_S", 0.5)

    async def scenario() -> None:
        async with probing(Server(certificate, silent_at=silent_at)) as w:
            w.names.address[CERTIFIED] = [CLOSED, "127.0.0.1"]
            assert await w.knows("peer.test") is not bool(silent_at)

            assert w.silent == []

    asyncio.run(scenario())


def test_without_an_ip_address_nothing_is_known(certificate: Certificate) -> None:
    """DNS fails, or has only addresses that the relay does not use."""

    async def scenario() -> None:
        async with probing(Server(certificate)) as w:
            w.names.address[CERTIFIED] = []
            await w.knows("peer.test")
            await w.knows("nowhere.test")

            assert w.silent == []

    asyncio.run(scenario())
