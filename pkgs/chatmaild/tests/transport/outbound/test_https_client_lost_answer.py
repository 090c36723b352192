"""When the connection ends before the answer, the host may have the message."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import pytest

from chatmaild.transport.outbound import delivery, https_client

from ..conftest import World, http

Worlds = Callable[[], AbstractAsyncContextManager[World]]


@pytest.mark.parametrize("size", [100, 200_000])
def test_the_same_host_is_asked_once_more(world: Worlds, size: int) -> None:
    """It knows whether it has the message; nobody else is asked."""

    async def scenario() -> None:
        async with world() as w:
            w.host.answers = [b"", http(200, "250 OK")]

            assert await w.delivers(b"x" * size) == "250 OK (HTTPS)"
            assert len(w.host.received) == 2
            assert w.host.received[0].body == w.host.received[1].body

    asyncio.run(scenario())


def test_a_connection_that_was_closed_meanwhile(world: Worlds) -> None:
    """It does not cost the message its way over HTTPS."""

    async def scenario() -> None:
        async with world() as w:
            w.host.answers = [http(200, "250 OK"), b"", http(200, "250 OK")]
            await w.delivers()

            assert await w.delivers() == "250 OK (HTTPS)"

    asyncio.run(scenario())


def test_postfix_goes_on_when_it_stays_lost(world: Worlds) -> None:
    """With SMTP, which has the same doubt (RFC 1047); after that SMTP comes first."""

    async def scenario() -> None:
        async with world() as w:
            w.host.answers = [b""]

            assert (await w.delivers()).startswith("451 ")
            assert len(w.host.received) == 2
            assert w.destinations.route("peer.test", w.now_s) == (
                "smtp-new:peer.test, [127.0.0.1]:10083"
            )

    asyncio.run(scenario())


def test_a_host_that_thinks_for_ever(world: Worlds, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is left after the limit, and not asked a second time."""
    monkeypatch.setattr(https_client, "ANSWER_S", 0.2)

    async def scenario() -> None:
        async with world() as w:
            w.host.stall = asyncio.Event()

            assert (await w.delivers()).startswith("451 ")
            assert len(w.host.received) == 1
            assert w.counters.value("https_out", outcome="broken") == 1

    asyncio.run(scenario())


def test_none_of_the_old_connections_is_tried_again(world: Worlds) -> None:
    """The second offer goes through a new one: what killed the first has killed the others, too."""

    async def scenario() -> None:
        async with world() as w:
            await asyncio.gather(w.delivers(b"one\r\n"), w.delivers(b"two\r\n"))
            w.host.answers = [b"", http(200, "250 OK")]

            assert await w.delivers() == "250 OK (HTTPS)"
            assert w.host.connections == 3

    asyncio.run(scenario())


@pytest.fixture
def refusing_port() -> Iterator[int]:
    """A port that refuses connections."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@dataclass
class Dying:
    """Names whose host listens when it is asked for first, and then again from a later time on."""

    world: World
    refusing_port: int
    back_at: int
    asked: int = 0

    def __post_init__(self) -> None:
        self._port = self.world.connections.port

    async def addresses(self, _host: str) -> list[str]:
        """The address, after the port behind it was closed or opened."""
        self.asked += 1
        down = 1 < self.asked < self.back_at
        self.world.connections.port = self.refusing_port if down else self._port
        return ["127.0.0.1"]


def test_a_web_server_that_died_is_waited_for(
    world: Worlds, monkeypatch: pytest.MonkeyPatch, refusing_port: int
) -> None:
    """SMTP would double what the relay behind it recognises."""
    monkeypatch.setattr(delivery, "RETRY_EVERY_S", 0.01)

    async def scenario() -> None:
        async with world() as w:
            dying = Dying(w, refusing_port, back_at=5)
            monkeypatch.setattr(w.names, "addresses", dying.addresses)
            w.host.answers = [b"", http(200, "250 OK")]

            assert await w.delivers() == "250 OK (HTTPS)"
            assert (len(w.host.received), dying.asked) == (2, 5)

    asyncio.run(scenario())


def test_a_web_server_that_does_not_return(
    world: Worlds, monkeypatch: pytest.MonkeyPatch, refusing_port: int
) -> None:
    """SMTP gets its chance, but no other host does: this one may have the message."""
    monkeypatch.setattr(delivery, "RETRY_EVERY_S", 0.01)
    monkeypatch.setattr(delivery, "BACK_WITHIN_S", 0.05)

    async def scenario() -> None:
        async with world() as w:
            dying = Dying(w, refusing_port, back_at=99)
            monkeypatch.setattr(w.names, "addresses", dying.addresses)
            w.host.answers = [b"", http(200, "250 OK")]

            assert (await w.delivers()).startswith("451 ")
            assert dying.asked == 6
            assert w.counters.value("https_out", outcome="broken") == 1

    asyncio.run(scenario())
