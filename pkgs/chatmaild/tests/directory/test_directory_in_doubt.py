"""What cannot be decided, because a store gives no answer or an unclear one."""

import asyncio

import pytest

from chatmaild.accounts.cluster.moves import LEAVES
from chatmaild.directory import directory, store_api
from chatmaild.errors import StoreDownError
from chatmaild.wire.http1 import Response, json_response

from .conftest import Front, Play, World
from .support.standins import LATER, Account, until


def test_without_its_store_an_address_is_in_doubt(play: Play) -> None:
    """Mail waits: it may exist. Addresses of the other stores do, and names of these are free."""

    async def scenario(world: World) -> None:
        front = Front(world)
        alice, bob, eve = front.name("store1"), front.name("store2"), front.name("store3")
        world.machines["store1"].accounts[str(alice)] = Account("secret")
        world.machines["store2"].accounts[str(bob)] = Account("secret")
        await world.down("store1")

        with pytest.raises(StoreDownError):
            await front.where(alice)
        assert await front.where(bob) == "store2"
        assert await front.where(eve) is None

        # at once, not after the time for which answers are kept
        await world.up("store1")
        place = await front.directory.find(alice)
        assert place
        assert place.store.name == "store1"

    play(scenario)


def test_each_placement_has_a_store_in_doubt(play: Play) -> None:
    """The address may be from the time of the older one."""

    async def scenario(world: World) -> None:
        front = Front(world, {"store1": 1}, {"store2": 1})
        alice = front.name("store1", "store2")
        await world.down("store2")
        with pytest.raises(StoreDownError):
            await front.where(alice)

        world.machines["store1"].accounts[str(alice)] = Account("secret")
        assert await front.where(alice) == "store1"

    play(scenario)


def test_a_remembered_store_in_doubt_is_believed(play: Play) -> None:
    """It had the address, so no other answer is final."""

    async def scenario(world: World) -> None:
        front = Front(world)
        alice = front.name("store1")
        world.machines["store3"].accounts[str(alice)] = Account("secret")
        assert await front.where(alice) == "store3"
        await world.down("store3")

        with pytest.raises(StoreDownError):
            await front.where(alice)

    play(scenario)


def test_while_a_winner_is_in_doubt_no_other_store_is_asked(play: Play) -> None:
    """The people of a store that is down would make all others search for each of them."""

    async def scenario(world: World) -> None:
        front = Front(world, {"store1": 1}, {"store2": 1})
        await world.down("store1")
        for address in list(front.names("store1", "store2"))[:20]:
            with pytest.raises(StoreDownError):
                await front.where(address)

        assert [world.machines[name].count("/address") for name in ("store2", "store3")] == [20, 0]

    play(scenario)


@pytest.mark.parametrize(
    "answer",
    [
        LATER,
        Response(status=500),
        Response(status=404),
        Response(body=b"{"),
        json_response([]),
        json_response({"state": "gone"}),
    ],
)
def test_an_unclear_answer_is_none(play: Play, answer: Response) -> None:
    """The store is up, and does not know."""

    async def scenario(world: World) -> None:
        front = Front(world)
        world.machines["store1"].overrides["/address"] = answer
        with pytest.raises(StoreDownError):
            await front.where(front.name("store1"))

        assert await front.where(front.name("store2")) is None

    play(scenario)


def test_a_store_that_hangs_delays_one_look_up(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue manager asks for the others next; the late answer counts, too."""
    monkeypatch.setattr(directory, "FIND_S", 0.05)

    async def scenario(world: World) -> None:
        front = Front(world)
        alice, bob = front.name("store1"), front.name("store2")
        world.machines["store1"].accounts[str(alice)] = Account("secret")
        world.machines["store2"].accounts[str(bob)] = Account("secret")
        held = world.machines["store1"].holds["/address"] = asyncio.Event()
        with pytest.raises(StoreDownError):
            await front.directory.find(alice)
        assert await front.where(bob) == "store2"

        held.set()
        assert await front.where(alice) == "store1"
        assert world.machines["store1"].count("/address") == 1

    play(scenario)


def test_what_is_missing_in_an_answer_is_not_guessed(play: Play) -> None:
    """A store of another version: mail for a disabled address would be dropped."""

    async def scenario(world: World) -> None:
        front = Front(world)
        world.machines["store1"].overrides["/address"] = json_response({"state": "here"})

        with pytest.raises(StoreDownError):
            await front.directory.find(front.name("store1"))

    play(scenario)


@pytest.mark.parametrize("placements", [({"store2": 1}, {"store1": 1}), ({"store2": 1},)])
def test_it_is_found_at_its_new_store(play: Play, placements: tuple[dict[str, int], ...]) -> None:
    """That was asked first, and did not have it yet; the old one may be no winner any more."""

    async def scenario(world: World) -> None:
        front = Front(world, *placements)
        alice = front.name(*(next(iter(weights)) for weights in placements))
        world.machines["store1"].overrides["/address"] = LEAVES
        look_up = asyncio.create_task(front.directory.find(alice))
        await until(lambda: world.machines["store1"].count("/address") > 1)
        assert not look_up.done()
        world.machines["store2"].accounts[str(alice)] = Account("secret")

        place = await look_up
        assert place
        assert place.store.name == "store2"

    play(scenario)


def test_one_that_leaves_for_too_long_is_in_doubt(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is never unknown: mail would be returned, and a login would create it again."""
    monkeypatch.setattr(store_api, "LEAVING_S", 0.1)

    async def scenario(world: World) -> None:
        front = Front(world, {"store2": 1})
        world.machines["store1"].overrides["/address"] = LEAVES
        with pytest.raises(StoreDownError):
            await front.directory.find(front.name("store2"))

    play(scenario)


def test_one_that_left_for_a_store_of_another_placement_is_found(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stores know the new placement already, and this front does not."""
    monkeypatch.setattr(store_api, "LEAVING_S", 0.1)

    async def scenario(world: World) -> None:
        front = Front(world, {"store1": 1})
        alice = front.name("store1")
        world.machines["store1"].overrides |= {"/address": LEAVES, "/login": LEAVES}
        world.machines["store2"].accounts[str(alice)] = Account("secret")

        found = await front.directory.ask_likely(
            alice, lambda store: store_api.login(store, alice, b"secret", "192.0.2.1")
        )
        assert found
        assert (found[0].name, found[1].accepted) == ("store2", True)
        # it is remembered, and the old store is not asked any more
        assert await front.where(alice) == "store2"

        front.directory.forget(alice)
        assert await front.where(alice) == "store2"

    play(scenario)
