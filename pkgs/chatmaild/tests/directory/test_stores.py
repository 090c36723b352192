"""Stores that answer, are slow, end, lose power and come back."""

import asyncio
import logging
import pathlib
import socket
import time

import pytest

from chatmaild.accounts.cluster.identity import Identities
from chatmaild.directory import stores
from chatmaild.directory.stores import Stores
from chatmaild.errors import StoreDownError
from chatmaild.wire.http1 import json_response

from ..waiting import DEADLINE_S
from .conftest import Play, World
from .support.standins import StandIn, addresses, until


def test_requests_share_a_connection(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those at the same time have one each, and few of these are kept."""
    monkeypatch.setattr(stores, "MOST_KEPT", 2)

    async def scenario(world: World) -> None:
        store, machine = world.stores["store1"], world.machines["store1"]
        await until(lambda: machine.beats > 3)
        for _ in range(3):
            answer = await store.ask("GET", "/address?address=a%40b")
            assert (answer.status, answer.body[:9]) == (200, b'{"state":')
        assert machine.connections == 1 + 1

        await asyncio.gather(*(store.ask("GET", "/room?address=a") for _ in range(5)))
        assert machine.connections == 1 + 5
        await asyncio.gather(*(store.ask("GET", "/room?address=a") for _ in range(2)))
        assert machine.connections == 1 + 5
        await asyncio.gather(*(store.ask("GET", "/room?address=a") for _ in range(3)))
        assert machine.connections == 1 + 6

    play(scenario)


def test_a_request_survives_a_restart_of_the_store(play: Play) -> None:
    """It closed the connections that were kept."""

    async def scenario(world: World) -> None:
        store, machine = world.stores["store1"], world.machines["store1"]
        await store.ask("GET", "/room?address=a")
        await machine.stop()
        await machine.start()

        assert (await store.ask("GET", "/room?address=a")).status == 200

    play(scenario)


def test_a_request_that_must_not_come_twice_takes_a_fresh_connection(play: Play) -> None:
    """A kept one may end between the request and its answer."""

    async def scenario(world: World) -> None:
        store, machine = world.stores["store1"], world.machines["store1"]
        await store.ask("GET", "/room?address=a")
        machine.invites["token-1"] = 5

        answer = await store.ask(
            "POST", "/invite/redeem", body=b'{"token": "token-1"}', repeatable=False
        )
        assert answer.status == 200
        assert machine.invites == {"token-1": 4}

    play(scenario)


def test_a_store_that_ended_fails_requests_at_once(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    """And says so once in the log; when it is back, it is asked again."""
    events: list[tuple[str, bool]] = []

    async def scenario(world: World) -> None:
        store = world.stores["store1"]
        world.stores.on_change(lambda name, is_up: events.append((name, is_up)))
        await world.down("store1")
        for _ in range(50):
            with pytest.raises(StoreDownError):
                await store.ask("GET", "/room?address=a")
        assert world.machines["store1"].count("/room") == 0
        assert (await world.stores["store2"].ask("GET", "/room?address=a")).status == 200

        await world.up("store1")
        assert (await store.ask("GET", "/room?address=a")).status == 200

    caplog.set_level(logging.INFO)
    play(scenario)

    assert events == [("store1", False), ("store1", True)]
    assert [record.getMessage() for record in caplog.records] == [
        "store store1 does not answer",
        "store store1 answers again",
    ]


@pytest.mark.usefixtures("quick")
def test_what_waits_for_a_store_fails_when_it_is_down(play: Play) -> None:
    """Not after the time of each request: the machine lost power, and nothing closes."""

    async def scenario(world: World) -> None:
        store, machine = world.stores["store1"], world.machines["store1"]
        await store.ask("GET", "/room?address=a")
        machine.answers.clear()
        waiting = [
            asyncio.create_task(store.ask("POST", "/login", answer_s=DEADLINE_S)) for _ in range(3)
        ]

        for failure in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(failure, StoreDownError)
        assert not store.is_up

    play(scenario)


def test_a_slow_answer_takes_no_store_down(play: Play) -> None:
    """The request fails, in its time; the watch still gets its answers."""

    async def scenario(world: World) -> None:
        store, machine = world.stores["store1"], world.machines["store1"]
        machine.holds["/room"] = asyncio.Event()
        with pytest.raises(StoreDownError):
            await store.ask("GET", "/room?address=a", answer_s=0.1)

        assert store.is_up
        assert (await store.ask("GET", "/address?address=a")).status == 200

    play(scenario)


@pytest.mark.usefixtures("quick")
def test_a_store_is_slow_then_down_then_lost(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for one that is lost; one that is back is none of these."""
    monkeypatch.setattr(stores, "SLOW_S", 0.02)
    monkeypatch.setattr(stores, "RESTART_S", 0.1)
    monkeypatch.setattr(stores, "LOST_S", 0.1)

    async def scenario(world: World) -> None:
        store, machine = world.stores["store1"], world.machines["store1"]
        await until(lambda: machine.beats > 1)
        assert not store.is_lost
        machine.answers.clear()
        await until(lambda: store.is_slow)
        assert store.is_up
        await until(lambda: not store.is_up)
        assert not store.is_lost
        await until(lambda: store.is_lost)

        machine.answers.set()
        await until(lambda: store.is_up)
        assert not store.is_lost

    play(scenario)


def test_connections_are_bounded(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """More requests wait, and for no longer than their time."""

    async def scenario(world: World) -> None:
        machine, store = world.machines["store1"], world.stores["store1"]
        held = machine.holds["/room"] = asyncio.Event()
        waiting = [
            asyncio.create_task(store.ask("GET", "/room?address=a", answer_s=DEADLINE_S))
            for _ in range(stores.MOST_AT_ONCE)
        ]
        await until(lambda: machine.count("/room") == stores.MOST_AT_ONCE)
        with pytest.raises(StoreDownError):
            await store.ask("GET", "/room?address=a", answer_s=0.1)
        assert machine.count("/room") == stores.MOST_AT_ONCE

        held.set()
        assert [answer.status for answer in await asyncio.gather(*waiting)] == [200] * len(waiting)

    play(scenario)


def test_no_http_is_no_answer() -> None:
    """Another program has the port."""

    async def scenario() -> None:
        async def speak(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 mail.example.org ESMTP\r\n\r\n")
            writer.close()

        [place], port = addresses(1)
        server = await asyncio.start_server(speak, place, port)
        found = Stores({"store1": place}, port)
        async with asyncio.timeout(DEADLINE_S), found.watched():
            await until(lambda: not found["store1"].is_up)
        server.close()

    asyncio.run(scenario())


@pytest.mark.usefixtures("quick")
def test_a_machine_that_does_not_answer_at_all_is_down() -> None:
    """Its queue of connections is full, so that the kernel drops further ones."""

    async def scenario() -> None:
        [place], port = addresses(1)
        with socket.create_server((place, port), backlog=0) as listener:
            fillers = []
            for _ in range(3):
                filler = socket.socket()
                filler.setblocking(False)
                filler.connect_ex(listener.getsockname())
                fillers.append(filler)
            found = Stores({"store1": place}, port)
            async with asyncio.timeout(DEADLINE_S), found.watched():
                began_s = time.monotonic()
                with pytest.raises(StoreDownError):
                    await found["store1"].ask("GET", "/room?address=a")
                await until(lambda: not found["store1"].is_up)
                assert time.monotonic() - began_s < stores.ANSWER_S
            for filler in fillers:
                filler.close()

    asyncio.run(scenario())


def test_a_listener_that_fails_stops_no_watch(play: Play) -> None:
    """Others are called, and the store comes back."""
    events: list[bool] = []

    async def scenario(world: World) -> None:
        def broken(name: str, is_up: bool) -> None:
            raise RuntimeError(name)

        world.stores.on_change(broken)
        world.stores.on_change(lambda _, is_up: events.append(is_up))
        await world.down("store1")
        await world.up("store1")

    play(scenario)

    assert events == [False, True]


def test_another_machine_of_the_same_name_is_not_used(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the first request on: an empty store would deny all accounts."""
    monkeypatch.setattr(stores, "WATCH_EVERY_S", 0.05)

    async def scenario() -> None:
        [place], port = addresses(1)
        machine = StandIn(place, port)
        machine.overrides["/alive"] = json_response({"identity": "new"})
        known = Identities(tmp_path / "stores.json", ["store1"])
        known.learn("store1", "old")
        await machine.start()
        found = Stores({"store1": place}, port, known)
        async with found.watched():
            with pytest.raises(StoreDownError):
                await found["store1"].ask("GET", "/address?address=a%40b")
            assert machine.count("/address") == 0

            machine.overrides["/alive"] = json_response({"identity": "old"})
            await until(lambda: found["store1"].is_up)
            assert (await found["store1"].ask("GET", "/address?address=a%40b")).status == 200
        await machine.stop()

    asyncio.run(scenario())

    [line] = [record.getMessage() for record in caplog.records if "another one" in record.message]
    assert "restore its backup there" in line
