"""The first of many deliveries is followed at once, the others together."""

import asyncio

import pytest

from chatmaild.accounts import throttle


def test_first_and_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """No address waits for another one, and nothing that comes last is forgotten."""
    monkeypatch.setattr(throttle, "_EVERY_S", 0.01)
    done: list[str] = []

    async def deliver() -> None:
        note = throttle.Throttle(done.append)
        for address in ["alice"] * 50 + ["bob"]:
            note(address)
        assert done == ["alice", "bob"]
        async with asyncio.timeout(5):
            while len(done) < 3:
                await asyncio.sleep(0.001)
            await asyncio.sleep(0.05)
        note("bob")

    asyncio.run(deliver())

    assert done == ["alice", "bob", "alice", "bob"]
