"""Three stores, each a real server on a loopback address of its own; and a whole cluster."""

import asyncio
import pathlib
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest

from chatmaild.accounts.limits import patience
from chatmaild.address import Address, parse_address
from chatmaild.directory import stores
from chatmaild.directory.directory import FRESH_S, Directory
from chatmaild.directory.placement import winner
from chatmaild.directory.stores import Stores
from chatmaild.metrics import Counters

from ..waiting import DEADLINE_S
from .support.cluster import Cluster, make
from .support.standins import StandIn, addresses, until

ALL = {"store1": 1, "store2": 1, "store3": 1}


class Clock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class Front:
    """A directory, and addresses by the stores that get them."""

    def __init__(self, world: "World", *placements: dict[str, int]) -> None:
        self.clock = Clock()
        self.counters = Counters()
        self.placements = placements or (ALL,)
        self.directory = Directory(world.stores, self.placements, self.counters, self.clock)

    def names(self, *stores: str) -> Iterator[Address]:
        """Yield addresses whose winners are these stores, one of each placement."""
        for number in range(10000):
            text = f"user{number:05}@chat.example.org"
            if stores == tuple(winner(text, weights) for weights in self.placements):
                yield parse_address(text)

    def name(self, *stores: str) -> Address:
        """Return one of them."""
        return next(self.names(*stores))

    async def where(self, address: Address) -> str | None:
        """Return the name of the store that has an address now."""
        self.clock.now_s += FRESH_S
        place = await self.directory.find(address)
        return place.store.name if place else None


@dataclass
class World:
    """Stores and the client that watches them."""

    machines: dict[str, StandIn]
    stores: Stores

    async def down(self, name: str) -> None:
        """Stop a store, and wait until its watch knows."""
        await self.machines[name].stop()
        await until(lambda: not self.stores[name].is_up)

    async def up(self, name: str) -> None:
        """Start a store, and wait until its watch knows."""
        await self.machines[name].start()
        await until(lambda: self.stores[name].is_up)

    def total(self, path: str) -> int:
        """How many requests for the path came to all stores."""
        return sum(machine.count(path) for machine in self.machines.values())


Play = Callable[[Callable[[World], Awaitable[None]]], None]
PlayCluster = Callable[[Callable[[Cluster], Awaitable[None]]], None]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that hangs is down in a fraction of a second, as one on a busy machine would be."""
    for name in ("CONNECT_S", "ALIVE_S", "RESTART_S"):
        monkeypatch.setattr(stores, name, 0.1)


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Play:
    """Run a scenario with three stores that answer, and are watched often."""
    monkeypatch.setattr(stores, "WATCH_EVERY_S", 0.05)

    async def inside(scenario: Callable[[World], Awaitable[None]]) -> None:
        places, port = addresses(3)
        machines = {f"store{n}": StandIn(place, port) for n, place in enumerate(places, start=1)}
        world = World(machines, Stores({n: m.address for n, m in machines.items()}, port))
        async with AsyncExitStack() as stack, asyncio.timeout(DEADLINE_S):
            for machine in machines.values():
                await machine.start()
                stack.push_async_callback(machine.stop)
            await stack.enter_async_context(world.stores.watched())
            await scenario(world)

    return lambda scenario: asyncio.run(inside(scenario))


@pytest.fixture
def play_cluster(
    tmp_path: pathlib.Path, socket_directory: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> PlayCluster:
    """Run a scenario with a front and three stores."""
    monkeypatch.setattr(stores, "WATCH_EVERY_S", 0.05)
    monkeypatch.setattr(patience, "RETRY_S", 0.05)

    async def inside(scenario: Callable[[Cluster], Awaitable[None]]) -> None:
        cluster = make(tmp_path, socket_directory, 3)
        async with AsyncExitStack() as stack, asyncio.timeout(DEADLINE_S):
            for machine in (*cluster.stores.values(), cluster.directory):
                await machine.start()
                stack.push_async_callback(machine.stop)
            await scenario(cluster)

    return lambda scenario: asyncio.run(inside(scenario))
