"""Hosts that never answer, DNS that never answers, hosts that do not let a connection in."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from chatmaild.transport.outbound import connections

from ...waiting import DEADLINE_S
from ..conftest import World

Worlds = Callable[[], AbstractAsyncContextManager[World]]


def test_ten_others_go_on(world: Worlds) -> None:
    """While many messages wait for dead peers, those to others are delivered at once."""

    async def scenario() -> None:
        async with world() as w:
            w.names.dead.add("dead.test")
            waiting = [asyncio.create_task(w.delivers(b"x\r\n", "b@dead.test")) for _ in range(100)]
            for number in range(10):
                w.names.hosts[f"peer{number}.test"] = w.names.hosts["peer.test"]
            said = await asyncio.gather(
                *(w.delivers(b"x\r\n", f"b@peer{number}.test") for number in range(10))
            )
            still = sum(not task.done() for task in waiting)
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

            assert {"250 OK (HTTPS)"} == set(said)
            assert still == len(waiting)

    asyncio.run(scenario())


def test_a_black_hole_is_given_up_soon(world: Worlds, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that lets TCP in and then says nothing; the next message does not even try."""
    monkeypatch.setattr(connections, "CONNECT_S", 0.2)

    async def scenario() -> None:
        async with world() as w:
            with socket.create_server(("127.0.0.3", w.connections.port)):
                w.names.address["mx.peer.test"] = ["127.0.0.3"]
                said = [await w.delivers() for _ in range(20)]

            assert {"451 4.4.1 No host took the message over HTTPS"} == set(said)
            assert w.counters.value("https_out", outcome="unusable") == 1

    asyncio.run(scenario())


def test_the_second_address_is_quick(world: Worlds, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not wait until a dead first address (broken IPv6, say) is given up."""
    monkeypatch.setattr(connections, "CONNECT_S", 2 * DEADLINE_S)

    async def scenario() -> None:
        async with world() as w:
            port = w.connections.port
            w.names.address["mx.peer.test"] = ["127.0.0.3", "127.0.0.1"]
            with socket.create_server(("127.0.0.3", port)):
                said = await w.delivers()

            assert said == "250 OK (HTTPS)"

    asyncio.run(scenario())


def test_no_address_at_all(world: Worlds) -> None:
    """Is a failure like any other."""

    async def scenario() -> None:
        async with world() as w:
            w.names.address["mx.peer.test"] = []

            assert (await w.delivers()).startswith("451 4.4.1 ")

    asyncio.run(scenario())


def test_a_message_that_is_expected_finds_a_connection(world: Worlds) -> None:
    """It is opened once, whether the message comes before it is open or after."""

    async def scenario() -> None:
        async with world() as w:
            w.delivery.prepare("peer.test")
            w.delivery.prepare("peer.test")
            assert await w.delivers() == "250 OK (HTTPS)"
            assert w.host.connections == 1

            w.connections.close()
            w.delivery.prepare("peer.test")
            while not w.connections._kept:
                await asyncio.sleep(0.001)
            w.delivery.prepare("peer.test")
            assert await w.delivers() == "250 OK (HTTPS)"
            assert w.host.connections == 2

    asyncio.run(scenario())


def test_no_connection_is_opened_ahead_where_https_failed(world: Worlds) -> None:
    """A dead host, a domain without hosts, and one whose mail goes by SMTP first."""

    async def scenario() -> None:
        async with world() as w:
            w.names.address["mx.peer.test"] = []
            for domain in ("peer.test", "unknown.test"):
                w.delivery.prepare(domain)
            assert (await w.delivers()).startswith("451 4.4.1 ")
            w.names.address.clear()
            w.delivery.prepare("peer.test")
            for _ in range(20):
                await asyncio.sleep(0)

            assert w.host.connections == 0
            assert w.connections.kept(w.names.hosts["peer.test"][0]) is None

    asyncio.run(scenario())


def test_a_connection_opened_ahead_that_breaks_delays_nothing(world: Worlds) -> None:
    """The peer closed it: the message goes over another one."""

    async def scenario() -> None:
        async with world() as w:
            w.host.answers = [b"", *w.host.answers]
            w.delivery.prepare("peer.test")
            assert await w.delivers() == "250 OK (HTTPS)"
            assert w.host.connections == 2

    asyncio.run(scenario())
