"""What the filter is told about addresses."""

import json
from urllib.parse import urlencode

import pytest

from chatmaild.directory.account_state import handler
from chatmaild.wire.http1 import Response, parse_request
from chatmaild.wire.http_client import request

from .conftest import Front, Play, World
from .support.standins import Account

DOMAIN = "chat.example.org"


async def _get(front: Front, path: str, method: str = "GET", **fields: str) -> Response:
    target = f"{path}?{urlencode(fields)}"
    parsed, _ = parse_request(request(method, target, host="x", headers={}))
    assert parsed
    return await handler(front.directory, DOMAIN)(parsed)


def test_the_flags_of_an_account(play: Play) -> None:
    """As its store says, with the name of the store."""

    async def scenario(world: World) -> None:
        front = Front(world)
        alice = front.name("store2")
        world.machines["store2"].accounts[str(alice)] = Account(
            "secret", disabled=True, enforces=False, nearly_full=True
        )

        answer = await _get(front, "/address", address=str(alice))
        assert json.loads(answer.body) == {
            "store": "store2",
            "state": "here",
            "usable": True,
            "disabled": True,
            "enforces": False,
            "nearly_full": True,
        }

    play(scenario)


def test_an_address_that_no_store_has(play: Play) -> None:
    """Of this relay or of another one, about which no store is asked."""

    async def scenario(world: World) -> None:
        front = Front(world)
        for address in (str(front.name("store1")), "alice@elsewhere.example.org"):
            answer = await _get(front, "/address", address=address)
            assert (answer.status, json.loads(answer.body)) == (200, {"state": "unknown"})
            answer = await _get(front, "/room", address=address, size="5")
            assert (answer.status, json.loads(answer.body)) == (200, {"room": True})
        assert world.total("/address") == 3

    play(scenario)


def test_the_room_of_a_mailbox(play: Play) -> None:
    """Its store asks Dovecot, each time."""

    async def scenario(world: World) -> None:
        front = Front(world)
        alice = front.name("store2")
        account = world.machines["store2"].accounts[str(alice)] = Account("secret")
        for room in (True, False):
            account.room = room
            answer = await _get(front, "/room", address=str(alice), size="123")
            assert json.loads(answer.body) == {"room": room}
        assert "size=123" in world.machines["store2"].requests[-1].head.query

    play(scenario)


def test_without_its_store_nothing_is_known(play: Play) -> None:
    """503: neither enabled nor unknown."""

    async def scenario(world: World) -> None:
        front = Front(world)
        alice = front.name("store2")
        await world.down("store2")
        for path in ("/address", "/room"):
            answer = await _get(front, path, address=str(alice), size="1")
            assert answer.status == 503

    play(scenario)


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/address", {}),
        ("/address", {"address": "no address"}),
        ("/room", {"address": "a@chat.example.org"}),
        ("/room", {"address": "a@chat.example.org", "size": "-1"}),
        ("/other", {"address": "a@chat.example.org"}),
    ],
)
def test_a_bad_request_is_no_answer(play: Play, path: str, fields: dict[str, str]) -> None:
    """400."""

    async def scenario(world: World) -> None:
        answer = await _get(Front(world), path, **fields)
        assert answer.status == 400

    play(scenario)
