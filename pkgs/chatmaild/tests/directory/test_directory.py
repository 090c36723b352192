"""Where addresses are: found, remembered, corrected, and counted."""

import asyncio
from typing import Any

import pytest

from chatmaild.address import parse_address
from chatmaild.directory.directory import FRESH_S, Place
from chatmaild.errors import StoreDownError

from .conftest import ALL, Front, Play, World
from .support.standins import Account, until


def test_an_address_is_at_its_store(play: Play) -> None:
    """One question finds it; a tag is not asked for."""

    async def scenario(world: World) -> None:
        front = Front(world)
        alice = front.name("store2")
        world.machines["store2"].accounts[str(alice)] = Account("secret", nearly_full=True)
        tagged = parse_address(str(alice).replace("@", "+tag@"))

        place = await front.directory.find(tagged)
        assert place
        assert (place.store.name, place.state.usable, place.state.nearly_full) == (
            "store2", True, True,
        )  # fmt: skip
        assert world.total("/address") == 1

    play(scenario)


def test_answers_are_fresh_for_two_seconds(play: Play) -> None:
    """Of accounts, and of names that no store has."""

    async def scenario(world: World) -> None:
        front = Front(world)
        alice, bob = front.name("store2"), front.name("store1")
        machine = world.machines["store2"]
        machine.accounts[str(alice)] = Account("secret")
        for address in (alice, bob, alice, bob):
            await front.directory.find(address)
        assert world.total("/address") == 1 + 3

        machine.accounts[str(alice)].disabled = True
        place = await front.directory.find(alice)
        assert place
        assert not place.state.disabled
        front.clock.now_s += FRESH_S
        place = await front.directory.find(alice)
        assert place
        assert place.state.disabled

    play(scenario)


def test_a_moved_address_is_found_and_remembered(play: Play) -> None:
    """It costs one question at each store once, then one of all."""

    async def scenario(world: World) -> None:
        front = Front(world)
        alice = front.name("store1")
        world.machines["store3"].accounts[str(alice)] = Account("secret")

        assert await front.where(alice) == "store3"
        assert world.total("/address") == 3
        assert await front.where(alice) == "store3"
        assert world.total("/address") == 4
        assert world.machines["store3"].count("/address") == 2

    play(scenario)


def test_a_wrong_memory_is_corrected(play: Play) -> None:
    """The address moved on, and away."""

    async def scenario(world: World) -> None:
        front = Front(world)
        alice = front.name("store1")
        accounts = {name: machine.accounts for name, machine in world.machines.items()}
        accounts["store3"][str(alice)] = Account("secret")
        assert await front.where(alice) == "store3"

        accounts["store2"][str(alice)] = accounts["store3"].pop(str(alice))
        assert await front.where(alice) == "store2"
        accounts["store1"][str(alice)] = accounts["store2"].pop(str(alice))
        assert await front.where(alice) == "store1"
        assert world.total("/address") == 3 + 4 + 2
        del accounts["store1"][str(alice)]
        assert await front.where(alice) is None

    play(scenario)


def test_older_placements_are_asked_before_all_others(play: Play) -> None:
    """An address from the time before a store joined."""

    async def scenario(world: World) -> None:
        front = Front(world, ALL, {"store1": 1, "store2": 1})
        alice = front.name("store3", "store2")
        world.machines["store2"].accounts[str(alice)] = Account("secret")

        assert await front.where(alice) == "store2"
        counts = [world.machines[name].count("/address") for name in sorted(ALL)]
        assert counts == [0, 1, 1]

    play(scenario)


def test_a_store_that_is_gone_from_the_settings_is_asked_no_more(play: Play) -> None:
    """An older placement may name it."""

    async def scenario(world: World) -> None:
        front = Front(world, {"store1": 1}, {"store0": 1000, "store2": 1})
        alice = front.name("store1", "store0")
        world.machines["store2"].accounts[str(alice)] = Account("secret")

        assert await front.where(alice) == "store2"

    play(scenario)


def test_look_ups_at_the_same_time_share_one(play: Play) -> None:
    """Also when the client of one of them leaves."""

    async def scenario(world: World) -> None:
        front = Front(world)
        alice = front.name("store1")
        machine = world.machines["store1"]
        machine.accounts[str(alice)] = Account("secret")
        held = machine.holds["/address"] = asyncio.Event()
        tasks = [asyncio.create_task(front.directory.find(alice)) for _ in range(5)]
        await until(lambda: machine.count("/address") == 1)
        tasks[0].cancel()
        held.set()

        places: list[Any] = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(places[0], asyncio.CancelledError)
        assert all(isinstance(place, Place) for place in places[1:])
        assert world.total("/address") == 1

    play(scenario)


def test_a_name_that_is_about_to_be_taken_is_not_kept_as_unknown(play: Play) -> None:
    """Another front creates the address, and its first mail comes here."""

    async def scenario(world: World) -> None:
        front = Front(world)
        alice = front.name("store1")
        assert await front.directory.find_now(alice) is None
        world.machines["store1"].accounts[str(alice)] = Account("secret")

        assert await front.directory.find(alice)

    play(scenario)


def test_a_change_during_a_look_up_counts(play: Play) -> None:
    """The look-up began before the account was created, and its answer is not kept."""

    async def scenario(world: World) -> None:
        front = Front(world)
        alice = front.name("store1")
        machine = world.machines["store1"]
        held = world.machines["store2"].holds["/address"] = asyncio.Event()
        looking = asyncio.create_task(front.directory.find(alice))
        await until(lambda: world.machines["store2"].count("/address") == 1)
        machine.accounts[str(alice)] = Account("secret")
        front.directory.learn(alice, world.stores["store1"])
        held.set()
        assert await looking is None

        assert await front.directory.find(alice)

    play(scenario)


def test_without_a_store_for_new_addresses_none_is_created(play: Play) -> None:
    """All of them are draining."""

    async def scenario(world: World) -> None:
        front = Front(world, {}, ALL)
        with pytest.raises(StoreDownError):
            front.directory.of_new("user@chat.example.org")
        assert next(front.directory.winners("user@chat.example.org"))

    play(scenario)


def test_look_ups_are_counted_by_result(play: Play) -> None:
    """For the dashboard."""

    async def scenario(world: World) -> None:
        front = Front(world)
        alice = front.name("store1")
        world.machines["store1"].accounts[str(alice)] = Account("secret")
        await front.where(alice)
        await front.where(front.name("store2"))
        await world.down("store1")
        with pytest.raises(StoreDownError):
            await front.where(alice)

        for result in ("here", "unknown", "unavailable"):
            assert front.counters.value("directory_lookups", result=result) == 1

    play(scenario)
