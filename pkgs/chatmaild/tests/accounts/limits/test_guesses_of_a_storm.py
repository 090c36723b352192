"""Many users return at once, from one network, after this service was restarted or before."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from chatmaild.accounts import login as module
from chatmaild.address import parse_address
from chatmaild.store.mailboxes import Mailboxes
from chatmaild.store.passwords import hash_password, verify_password

Play = Callable[[Any], None]
PASSWORD = "secret-password"
# more than a network's wrong passwords, fewer than MAX_WAITING
USERS = [f"user{number:05}@chat.example.org" for number in range(250)]
HERE = "192.0.2.1"


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The passwords whose hash is computed."""
    checked: list[bytes] = []

    def verify(password: bytes, encoded: str) -> bool:
        checked.append(password)
        return verify_password(password, encoded)

    monkeypatch.setattr(module, "verify_password", verify)
    return checked


def test_nobody_is_refused_and_hashes_are_remembered(
    play: Play, mailboxes: Mailboxes, checks: list[bytes]
) -> None:
    """The first storm computes a hash for each user, the second none."""
    encoded = hash_password(PASSWORD.encode())
    for user in USERS:
        mailboxes.create(parse_address(user), encoded, now_s=0)

    async def scenario(relay: Any) -> None:
        for computed in (len(USERS), len(USERS)):
            answers = await asyncio.gather(*(relay.login(user, PASSWORD, HERE) for user in USERS))
            assert [json.loads(body)["active"] for _, body in answers] == [True] * len(USERS)
            assert len(checks) == computed

    play(scenario)


def test_a_remembered_password_is_forgotten_at_once(
    play: Play, mailboxes: Mailboxes, checks: list[bytes]
) -> None:
    """When it is changed, and when the address is blocked or deleted."""
    changed, blocked, deleted = (parse_address(user) for user in USERS[:3])

    async def is_let_in(relay: Any, user: Any, password: str = PASSWORD) -> bool:
        _, body = await relay.login(str(user), password, HERE)
        return bool(json.loads(body)["active"])

    async def scenario(relay: Any) -> None:
        for user in (changed, blocked, deleted):
            assert await is_let_in(relay, user)
            assert await is_let_in(relay, user)
        assert checks == []

        mailboxes.set_password_hash(changed, hash_password(b"another-password"), now_s=0)
        mailboxes.set_password_hash(blocked, "", now_s=0)
        mailboxes.delete(deleted)
        # only a first login with a password of nine characters creates an address
        assert not await is_let_in(relay, deleted, "short")
        for user in (changed, blocked):
            assert not await is_let_in(relay, user)
        assert await is_let_in(relay, changed, "another-password")

    play(scenario)
