"""Logins at the stores: with one request, after a search, and the first one of an address."""

import asyncio

import pytest

from chatmaild.accounts.dovecot import Accepted
from chatmaild.address import parse_address
from chatmaild.directory import searches
from chatmaild.directory.searches import BURST_S
from chatmaild.errors import SearchLimitError, StoreDownError, TooManyError
from chatmaild.wire.http1 import json_response

from .conftest import ALL, Play, World
from .support.checks import IP, LIMITS, Checks
from .support.standins import LATER, NOT_HERE, Account, until


def test_a_login_costs_one_request(play: Play) -> None:
    """With the client's IP address, and the notice of the store."""

    async def scenario(world: World) -> None:
        checks, machine = Checks(world), world.machines["store2"]
        alice = checks.front.name("store2")
        machine.accounts[str(alice)] = Account("sécret & more")
        machine.notice = "Hello"

        accepted = await checks.logins.check(alice, "sécret & more".encode(), IP)
        assert accepted == Accepted(reason="Hello", token=machine.address)
        assert await checks.store(alice, "wrong") is None
        assert machine.asked == ["/login", "/login"]
        assert machine.requests[0].head.value("x-client-address") == IP
        assert [world.total(path) for path in ("/login", "/address")] == [2, 0]

    play(scenario)


@pytest.mark.parametrize("text", ["alice@elsewhere.example.org", "alice+tag@chat.example.org"])
def test_what_is_no_account_here_asks_no_store(play: Play, text: str) -> None:
    """Refused, as on one machine."""

    async def scenario(world: World) -> None:
        assert await Checks(world).store(parse_address(text)) is None
        assert world.total("/login") == 0

    play(scenario)


def test_a_moved_account_is_found_again(play: Play) -> None:
    """By a search once, which asks no store twice, then with one request; again after a move."""

    async def scenario(world: World) -> None:
        checks = Checks(world)
        alice = checks.front.name("store2")
        accounts = {name: machine.accounts for name, machine in world.machines.items()}
        accounts["store3"][str(alice)] = Account("secret")
        for count in (2, 3):
            assert await checks.store(alice) == "store3"
            assert (world.total("/login"), world.total("/address")) == (count, 2)

        accounts["store1"][str(alice)] = accounts["store3"].pop(str(alice))
        assert await checks.store(alice) == "store1"
        assert world.total("/first-login") == 0

    play(scenario)


def test_an_account_of_an_earlier_placement_needs_no_search(play: Play) -> None:
    """Each winner is asked once, with the password."""

    async def scenario(world: World) -> None:
        checks = Checks(world, ALL, {"store1": 1})
        alice = checks.front.name("store2", "store1")
        world.machines["store1"].accounts[str(alice)] = Account("secret")

        assert await checks.store(alice) == "store1"
        assert await checks.store(alice) == "store1"
        assert [world.total(path) for path in ("/login", "/address")] == [3, 0]

    play(scenario)


def test_the_first_login_creates_the_account(play: Play) -> None:
    """At the store of new addresses, after all have said that they have none."""

    async def scenario(world: World) -> None:
        checks = Checks(world, ALL, {"store1": 1})
        alice = checks.front.name("store3", "store1")

        assert await checks.store(alice) == "store3"
        assert (world.total("/login"), world.total("/address")) == (2, 1)
        assert list(world.machines["store3"].accounts) == [str(alice)]
        assert await checks.store(alice) == "store3"
        assert world.total("/first-login") == 1

    play(scenario)


def test_two_first_logins_create_one_account(play: Play) -> None:
    """The password of one of them counts."""

    async def scenario(world: World) -> None:
        checks = Checks(world)
        alice = checks.front.name("store2")
        held = world.machines["store1"].holds["/address"] = asyncio.Event()
        tasks = [asyncio.create_task(checks.store(alice, word)) for word in ("first", "second")]
        await until(lambda: world.machines["store2"].count("/login") == len(tasks))
        held.set()

        assert sorted(map(str, await asyncio.gather(*tasks))) == ["None", "store2"]
        assert (world.total("/address"), world.total("/first-login")) == (2, 1)
        assert len(world.machines["store2"].accounts) == 1

    play(scenario)


def test_a_refused_first_login_has_its_reason(play: Play) -> None:
    """Dovecot asks for it next."""

    async def scenario(world: World) -> None:
        checks = Checks(world)
        alice = checks.front.name("store2")
        reason = "[UNAVAILABLE] This relay takes no new addresses without an invitation."
        world.machines["store2"].overrides["/first-login"] = json_response(
            {"result": "refused", "reason": reason}
        )

        assert await checks.store(alice) is None
        assert checks.refusals.take(alice, b"secret") == reason

    play(scenario)


def test_a_login_waits_for_its_store(play: Play) -> None:
    """It is never a wrong password, nor a new address on another store."""

    async def scenario(world: World) -> None:
        checks = Checks(world)
        alice, bob = checks.front.name("store2"), checks.front.name("store1")
        world.machines["store2"].accounts[str(alice)] = Account("secret")
        world.machines["store1"].accounts[str(bob)] = Account("secret")
        await world.down("store2")
        with pytest.raises(StoreDownError):
            await checks.store(alice)
        assert await checks.store(bob) == "store1"

        await world.up("store2")
        assert await checks.store(alice) == "store2"
        assert world.total("/first-login") == 0

    play(scenario)


def test_an_account_is_found_while_another_store_is_down(play: Play) -> None:
    """The one that would get it as a new one."""

    async def scenario(world: World) -> None:
        checks = Checks(world, ALL, {"store1": 1})
        alice = checks.front.name("store2", "store1")
        world.machines["store1"].accounts[str(alice)] = Account("secret")
        await world.down("store2")

        assert await checks.store(alice) == "store1"

    play(scenario)


@pytest.mark.parametrize("path", ["/login", "/first-login"])
def test_a_store_that_cannot_decide_is_asked_again(play: Play, path: str) -> None:
    """Too many wrong passwords, too many logins at once, a full disk."""

    async def scenario(world: World) -> None:
        checks = Checks(world)
        alice = checks.front.name("store2")
        world.machines["store2"].overrides[path] = LATER
        with pytest.raises(StoreDownError):
            await checks.store(alice)

        del world.machines["store2"].overrides[path]
        assert await checks.store(alice) == "store2"

    play(scenario)


def test_an_account_between_two_stores_waits(play: Play) -> None:
    """One store says that it has it, and does not let it log in."""

    async def scenario(world: World) -> None:
        checks = Checks(world)
        alice = checks.front.name("store2")
        world.machines["store3"].accounts[str(alice)] = Account("secret")
        world.machines["store3"].overrides["/login"] = NOT_HERE
        with pytest.raises(StoreDownError):
            await checks.store(alice)

        assert world.total("/first-login") == 0

    play(scenario)


def test_a_network_gets_few_addresses(play: Play) -> None:
    """Beyond that not even a search is made for it; its logins go on, and other networks, too."""

    async def scenario(world: World) -> None:
        checks = Checks(world)
        names = checks.front.names("store1")
        created = [next(names) for _ in range(LIMITS.per_ip_burst)]
        for address in created:
            assert await checks.store(address) == "store1"
        searched = world.total("/address")
        one_more = next(names)
        for _ in range(10):
            with pytest.raises(TooManyError):
                await checks.store(one_more)

        assert (world.total("/address"), world.total("/first-login")) == (searched, len(created))
        assert await checks.store(created[0]) == "store1"
        assert await checks.logins.check(one_more, b"secret", "192.0.2.9")

    play(scenario)


def test_refused_first_logins_count(play: Play) -> None:
    """Each costs a search, as one that is accepted."""

    async def scenario(world: World) -> None:
        checks = Checks(world)
        names = checks.front.names("store1")
        world.machines["store1"].overrides["/first-login"] = json_response(
            {"result": "refused", "reason": ""}
        )
        for _ in range(LIMITS.per_ip_burst):
            assert await checks.store(next(names)) is None
        with pytest.raises(TooManyError):
            await checks.store(next(names))

    play(scenario)


def test_what_creates_no_address_costs_none(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """An account that is found by a search, and a search that is not made; an offer stays one."""
    monkeypatch.setattr(searches, "QUESTIONS_PER_S", {"mail": 0, "people": 0})
    monkeypatch.setattr(searches, "FEWEST_PER_S", {"mail": 0, "people": 2})

    async def scenario(world: World) -> None:
        checks = Checks(world)
        names = checks.front.names("store2")
        for address in (next(names) for _ in range(int(2 * BURST_S))):
            world.machines["store3"].accounts[str(address)] = Account("secret")
            assert await checks.store(address) == "store3"
        offered = checks.front.name("store1")
        checks.creations.offer(offered)
        for _ in range(LIMITS.per_ip_burst + 1):
            with pytest.raises(SearchLimitError):
                await checks.store(offered)

        checks.front.clock.now_s += 1
        assert await checks.store(offered) == "store1"
        for _ in range(LIMITS.per_ip_burst):
            checks.creations.pay(IP)

    play(scenario)


def test_an_offered_name_that_another_store_has_is_not_made_again(play: Play) -> None:
    """`/new` does not search all stores for each name; the first login does."""

    async def scenario(world: World) -> None:
        checks = Checks(world)
        alice = checks.front.name("store1")
        world.machines["store3"].accounts[str(alice)] = Account("secret")
        checks.creations.offer(alice)

        assert await checks.store(alice, "offered") is None
        assert world.total("/first-login") == 0
        assert await checks.store(alice) == "store3"

    play(scenario)
