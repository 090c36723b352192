"""Answers to Postfix on its sockets: known, unknown and doubtful addresses, and the probe."""

import pytest

from chatmaild.directory.maps import Maps
from chatmaild.directory.outages import Outages
from chatmaild.settings import Settings
from chatmaild.wire.socketmap import reply

from .conftest import Front, Play, World
from .support.standins import Account

UNKNOWN = "OK error:5.1.1 Recipient address rejected: User unknown"
DOMAIN = "chat.example.org"


def test_mail_goes_to_the_store_of_an_address(play: Play, settings: Settings) -> None:
    """The answers of a relay on one machine, with another next hop."""

    async def scenario(world: World) -> None:
        front = Front(world)
        alice, bob = front.name("store2"), front.name("store3")
        world.machines["store2"].accounts[str(alice)] = Account("secret")
        hop = f"OK lmtp:inet:[{world.stores['store2'].address}]:24"
        maps = Maps(settings, front.directory, Outages(settings))
        for request, answer in (
            (f"recipients {alice}", "OK x"),
            (f"transport {alice}", hop),
            (f'transport "{alice.local}+tag."@{DOMAIN}', hop),
            (f"recipients {alice.local.upper()}@{DOMAIN.upper()}", "OK x"),
            (f"recipients {bob}", "NOTFOUND "),
            (f"transport {bob}", UNKNOWN),
            (f'transport "a/b"@{DOMAIN}', UNKNOWN),
            ("transport alice@elsewhere.example.org", "NOTFOUND "),
            ("transport *", "NOTFOUND "),
            ("other x", "PERM no such map"),
        ):
            assert (await reply(maps.look_up, request.encode())).decode() == answer

    play(scenario)


def test_mail_finds_an_account_that_moves(play: Play, settings: Settings) -> None:
    """Postfix asks the second store at once if the first one does not take the message for now."""

    async def scenario(world: World) -> None:
        front = Front(world, {"store2": 1}, {"store1": 1})
        alice = front.name("store2", "store1")
        world.machines["store1"].accounts[str(alice)] = Account("secret")
        maps = Maps(settings, front.directory, Outages(settings))
        old, new = (f"inet:[{world.stores[name].address}]:24" for name in ("store1", "store2"))

        answer = await reply(maps.look_up, f"transport {alice}".encode())
        assert answer.decode() == f"OK lmtp:{old}, {new}"

    play(scenario)


def test_mail_waits_for_a_store_that_is_down(
    play: Play, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """In Postfix' queue, without a line in the log for each address: the watch has said it once.

    The service for HTTPS asks whether an address exists: it is accepted, too.
    """

    async def scenario(world: World) -> None:
        front = Front(world)
        maps = Maps(settings, front.directory, Outages(settings))
        alice = front.name("store2")
        await world.down("store2")
        caplog.clear()

        assert (await reply(maps.look_up, f"transport {alice}".encode())).startswith(
            b"OK retry:4.4.1 "
        )
        assert await reply(maps.look_up, f"recipients {alice}".encode()) == b"OK x"
        assert caplog.records == []

        await world.up("store2")
        assert await maps.look_up("transport", str(alice)) == UNKNOWN
        assert await maps.look_up("recipients", str(alice)) == "NOTFOUND "

    play(scenario)


def test_mail_for_a_disabled_address_is_dropped(play: Play, settings: Settings) -> None:
    """As the filter does where the store answers it; the sender sees no difference."""

    async def scenario(world: World) -> None:
        front = Front(world)
        alice = front.name("store2")
        world.machines["store2"].accounts[str(alice)] = Account("secret", disabled=True)
        maps = Maps(settings, front.directory, Outages(settings))

        assert (await maps.look_up("transport", str(alice))).startswith("OK discard:")
        assert await maps.look_up("recipients", str(alice)) == "OK x"

    play(scenario)


def test_an_account_that_cannot_get_mail_is_unknown(play: Play, settings: Settings) -> None:
    """As on one machine, where Dovecot would bounce it."""

    async def scenario(world: World) -> None:
        front = Front(world)
        alice = front.name("store2")
        world.machines["store2"].accounts[str(alice)] = Account("secret", usable=False)

        assert (
            await Maps(settings, front.directory, Outages(settings)).look_up(
                "recipients", str(alice)
            )
            == "NOTFOUND "
        )

    play(scenario)


def test_the_probe_is_answered_without_a_store(play: Play, settings: Settings) -> None:
    """Postfix takes no mail from clients without this answer, and VRFY gives it away."""

    async def scenario(world: World) -> None:
        for name in sorted(world.machines):
            await world.down(name)
        maps = Maps(settings, Front(world).directory, Outages(settings))

        assert await maps.look_up("transport", f"vrfy~@{DOMAIN}") == UNKNOWN
        assert await maps.look_up("recipients", f"vrfy~@{DOMAIN}") == "NOTFOUND "

    play(scenario)
