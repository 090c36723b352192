"""Coroutines run in one loop, whatever thread calls them."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from chatmail_testkit.mail.loop import wait


async def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


async def _fails() -> None:
    raise ValueError("no")


def test_threads_share_it() -> None:
    """A session may pass from one thread to another."""
    with ThreadPoolExecutor(4) as pool:
        loops = {id(loop) for loop in pool.map(lambda _: wait(_loop()), range(8))}

    assert len(loops) == 1


def test_an_exception() -> None:
    """Reaches the caller."""
    with pytest.raises(ValueError, match="no"):
        wait(_fails())
