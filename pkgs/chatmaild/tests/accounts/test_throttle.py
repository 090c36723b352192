"""Work follows the first of many deliveries at once, and the others together."""

import asyncio

import pytest

from chatmaild.accounts import throttle
from chatmaild.address import Address, parse_address

ALICE, BOB = parse_address("alice@chat.example.org"), parse_address("bob@chat.example.org")


def test_first_and_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """No address waits for another one, and the last delivery counts."""
    monkeypatch.setattr(throttle, "_EVERY_S", 0.01)
    done: list[Address] = []

    async def deliver() -> None:
        note = throttle.Throttle(done.append)
        for address in [ALICE] * 50 + [BOB]:
            note(address)
        assert done == [ALICE, BOB]
        async with asyncio.timeout(5):
            while len(done) < 3:
                await asyncio.sleep(0.001)
            await asyncio.sleep(0.05)
        note(BOB)

    asyncio.run(deliver())

    assert done == [ALICE, BOB, ALICE, BOB]
