"""New and deleted addresses on the stores. `accounts.web` has the answers to clients."""

import pytest

from chatmaild.accounts.limits.creations import Creations
from chatmaild.directory.web import StoredAccounts
from chatmaild.errors import BusyError, RegistrationRefused, TooManyError
from chatmaild.settings import Settings
from chatmaild.wire.http1 import json_response

from .conftest import ALL, Front, Play, World
from .support.standins import LATER, Account

IP = "192.0.2.1"


def _accounts(front: Front, settings: Settings) -> StoredAccounts:
    return StoredAccounts(settings, front.directory, Creations(settings.registration))


def _token(front: Front, store: str) -> str:
    names = (f"token-{number:04}" for number in range(1000))
    return next(name for name in names if front.directory.of_new(name).name == store)


def test_a_new_address_is_kept_at_its_store(play: Play, settings: Settings) -> None:
    """For its first login, which is paid for; no store has it."""

    async def scenario(world: World) -> None:
        front = Front(world)
        creations = Creations(settings.registration, front.clock)
        address = await StoredAccounts(settings, front.directory, creations).new("", "secret", IP)
        store = front.directory.of_new(str(address)).name

        assert world.machines[store].reserved == {str(address)}
        assert world.total("/new") == 1
        assert world.total("/address") == 1
        for _ in range(settings.registration.per_ip_burst):
            creations.pay(IP)
        creations.pay_first_login(address, IP)
        with pytest.raises(TooManyError):
            creations.pay_first_login(address, IP)

    play(scenario)


@pytest.mark.parametrize("token", ["", "token-0001"])
def test_a_name_that_a_store_has_is_not_given(
    play: Play, settings: Settings, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    """The next one is drawn. What makes the address at once, an invite, searches all stores."""

    async def scenario(world: World) -> None:
        front = Front(world, {"store1": 1}, {"store2": 1})
        names = front.names("store1", "store2")
        here, before, elsewhere, free = (next(names) for _ in range(4))
        for address, store in ((here, "store1"), (before, "store2"), (elsewhere, "store3")):
            world.machines[store].accounts[str(address)] = Account("secret")
        world.machines["store1"].invites["token-0001"] = 1
        drawn = iter((here, before, *([elsewhere] if token else []), free))
        monkeypatch.setattr("chatmaild.directory.web.random_address", lambda _: next(drawn))

        assert await _accounts(front, settings).new(token, "secret", IP) == free

    play(scenario)


def test_stores_that_cannot_take_an_address_are_passed_over(play: Play, settings: Settings) -> None:
    """One is down, one is full."""

    async def scenario(world: World) -> None:
        front = Front(world)
        accounts = _accounts(front, settings)
        world.machines["store1"].overrides["/new"] = json_response({"code": "overloaded"}, 503)
        await world.down("store2")
        for _ in range(5):
            address = await accounts.new("", "secret", IP)
            assert front.directory.of_new(str(address)).name == "store3"

        world.machines["store3"].overrides["/new"] = json_response({"code": "stopped"}, 503)
        with pytest.raises(RegistrationRefused) as refused:
            await accounts.new("", "secret", IP)
        assert refused.value.code in ("stopped", "overloaded")
        await world.down("store1")
        await world.down("store3")
        with pytest.raises(BusyError):
            await accounts.new("", "secret", IP)

    play(scenario)


def test_names_in_doubt_are_not_given(play: Play, settings: Settings) -> None:
    """A store of an older placement is down: names that it may have are left out."""

    async def scenario(world: World) -> None:
        front = Front(world, {"store1": 1}, {"store2": 1, "store3": 1})
        await world.down("store2")

        address = await _accounts(front, settings).new("", "secret", IP)
        assert [store.name for store in front.directory.winners(str(address))] == [
            "store1",
            "store3",
        ]

    play(scenario)


def test_a_refusal_for_all_stores_is_final(play: Play, settings: Settings) -> None:
    """The switch is that of the relay."""

    async def scenario(world: World) -> None:
        for machine in world.machines.values():
            machine.overrides["/new"] = json_response({"code": "closed"}, 403)
        with pytest.raises(RegistrationRefused):
            await _accounts(Front(world), settings).new("", "secret", IP)

        assert world.total("/new") == 1

    play(scenario)


def test_an_invite_creates_the_account(play: Play, settings: Settings) -> None:
    """The invite is at one store, the account at another; also one of an older placement."""

    async def scenario(world: World) -> None:
        front = Front(world, {"store1": 1}, {"store2": 1})
        accounts, invites = _accounts(front, settings), world.machines["store2"].invites
        invites["token-0001"] = 1
        address = await accounts.new("token-0001", "secret", IP)

        assert world.machines["store1"].accounts[str(address)].password == "secret"
        assert invites == {"token-0001": 0}
        with pytest.raises(RegistrationRefused) as refused:
            await accounts.new("token-0001", "secret", IP)
        assert refused.value.code == "invite-used"

    play(scenario)


def test_a_failed_creation_gives_the_use_back(play: Play, settings: Settings) -> None:
    """All stores are full, or the one of the address ends in that moment."""

    async def scenario(world: World) -> None:
        front = Front(world)
        token = _token(front, "store2")
        invites = world.machines["store2"].invites
        invites[token] = 1
        for answer in (json_response({"code": "overloaded"}, 503), LATER):
            for machine in world.machines.values():
                machine.overrides["/new"] = answer
            with pytest.raises((RegistrationRefused, BusyError)):
                await _accounts(front, settings).new(token, "secret", IP)
            assert invites == {token: 1}

    play(scenario)


@pytest.mark.parametrize("is_open", [True, False])
def test_an_unknown_invite(play: Play, settings: Settings, *, is_open: bool) -> None:
    """An open relay needs none; a closed one says what is wrong with it."""

    async def scenario(world: World) -> None:
        if not is_open:
            for machine in world.machines.values():
                machine.overrides["/new"] = json_response({"code": "closed"}, 403)
        accounts = _accounts(Front(world), settings)
        if is_open:
            assert await accounts.new("token-0001", "secret", IP)
        else:
            with pytest.raises(RegistrationRefused) as refused:
                await accounts.new("token-0001", "secret", IP)
            assert refused.value.code == "invite-unknown"

    play(scenario)


def test_an_invite_in_doubt_is_neither_used_nor_refused(play: Play, settings: Settings) -> None:
    """Its store is down."""

    async def scenario(world: World) -> None:
        front = Front(world)
        await world.down("store2")
        with pytest.raises(BusyError):
            await _accounts(front, settings).new(_token(front, "store2"), "secret", IP)

        assert world.total("/new") == 0

    play(scenario)


def test_an_account_is_deleted_where_it_is(play: Play, settings: Settings) -> None:
    """With its password alone; a first login may find it gone at once."""

    async def scenario(world: World) -> None:
        front = Front(world, ALL)
        accounts = _accounts(front, settings)
        alice = front.name("store1")
        machine = world.machines["store3"]
        machine.accounts[str(alice)] = Account("s\udcffcret")
        password = "s\udcffcret".encode("utf-8", "surrogatepass")
        assert not await accounts.delete(alice, b"wrong", IP)
        assert await front.directory.find(alice)

        assert await accounts.delete(alice, password, IP)
        assert machine.accounts == {}
        assert await front.directory.find(alice) is None
        assert not await accounts.delete(alice, password, IP)
        assert not await accounts.delete(alice._replace(domain="b.test"), password, IP)

    play(scenario)


def test_a_deletion_waits_for_its_store(play: Play, settings: Settings) -> None:
    """It is no wrong password."""

    async def scenario(world: World) -> None:
        front = Front(world)
        await world.down("store1")
        with pytest.raises(BusyError):
            await _accounts(front, settings).delete(front.name("store1"), b"secret", IP)

    play(scenario)
