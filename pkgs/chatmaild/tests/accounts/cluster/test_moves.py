"""What a store says to fronts of an account that moves to another store, or has just moved."""

import asyncio
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from chatmaild.accounts.cluster import moves
from chatmaild.address import parse_address
from chatmaild.settings import Settings
from chatmaild.store.mail.moving import MOVING, Departed
from chatmaild.store.mailboxes import Mailboxes

Play = Callable[[Any], None]
ALICE = parse_address("alice1234@chat.example.org")
LEAVES = (503, {"leaves": True})
NOT_HERE = (404, {"here": False})

pytestmark = pytest.mark.usefixtures("of_store")


@contextmanager
def out_of_use(home: Path) -> Iterator[None]:
    """The account moves."""
    (home / MOVING).mkdir()
    descriptor = os.open(home / MOVING, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(descriptor)


async def questions(relay: Any) -> list[tuple[int, Any]]:
    """All that fronts ask about an account; it is not deleted, because the password is wrong."""
    address = quote(str(ALICE))
    form = urlencode({"username": str(ALICE), "password": "wrong-password"}).encode()
    body = f'{{"address": "{ALICE}", "password": "wrong-password", "ip": "192.0.2.1"}}'.encode()
    return [
        await relay.front("GET", f"/address?address={address}"),
        await relay.front("GET", f"/room?address={address}&size=1"),
        await relay.front("POST", "/login", form, x_client_address="192.0.2.1"),
        await relay.front("POST", "/account/delete", body),
    ]


def test_nothing_is_said_while_it_moves(
    play: Play, mailboxes: Mailboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The front asks all stores again."""
    monkeypatch.setattr(moves, "WAIT_S", 0.05)

    async def scenario(relay: Any) -> None:
        mailboxes.create(ALICE, "hash", now_s=0)
        with out_of_use(mailboxes.path(ALICE)):
            assert await questions(relay) == [LEAVES] * 4

    play(scenario)


def test_a_short_move_is_waited_for(play: Play, mailboxes: Mailboxes) -> None:
    """The answer comes when it is over."""

    async def scenario(relay: Any) -> None:
        mailboxes.create(ALICE, "hash", now_s=0)
        path = f"/address?address={quote(str(ALICE))}"
        with out_of_use(mailboxes.path(ALICE)):
            answer = asyncio.create_task(relay.front("GET", path))
            done, _ = await asyncio.wait([answer], timeout=0.1)
            assert not done
        assert (await answer)[1]["state"] == "here"

    play(scenario)


def test_an_account_that_has_just_left_is_not_unknown(play: Play, settings: Settings) -> None:
    """The front may have asked the new store before it came there."""

    async def scenario(relay: Any) -> None:
        Departed(settings.directories.accounts).add(ALICE)
        assert await questions(relay) == [LEAVES, NOT_HERE, LEAVES, LEAVES]

    play(scenario)
