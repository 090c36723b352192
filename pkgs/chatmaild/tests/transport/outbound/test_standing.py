"""Domains that answered have the large pool of delivery agents; a network has few of them."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from chatmaild.transport.outbound import delivery, waiting
from chatmaild.transport.outbound.destinations import PAUSE_S
from chatmaild.transport.outbound.exchangers import Exchanger
from chatmaild.transport.outbound.standing import (
    KNOWN_S,
    MAX_PER_NETWORK,
    Standing,
)

from ..conftest import CERTIFIED, World

Worlds = Callable[[], AbstractAsyncContextManager[World]]


@pytest.fixture
def standing() -> Standing:
    """Nothing is known yet."""
    return Standing()


def test_an_answer_counts_for_a_day(standing: Standing) -> None:
    """And no longer."""
    assert not standing.has("peer.test", 0.0)
    standing.add("peer.test", "192.0.2.1", 0.0)

    assert standing.has("peer.test", KNOWN_S - 1)
    assert not standing.has("peer.test", KNOWN_S)


def test_a_network_has_few_known_domains(standing: Standing) -> None:
    """A wildcard in DNS makes any number; other networks are not affected."""
    for number in range(MAX_PER_NETWORK + 5):
        standing.add(f"{number}.test", "192.0.2.1", 0.0)
        standing.add(f"{number}.test", "192.0.2.1", 0.0)
    standing.add("peer.test", "192.0.2.2", 0.0)

    assert standing.has(f"{MAX_PER_NETWORK - 1}.test", 1.0)
    assert not standing.has(f"{MAX_PER_NETWORK}.test", 1.0)
    assert standing.has("peer.test", 1.0)


def test_a_place_becomes_free(standing: Standing) -> None:
    """By a stall, and by time."""
    for number in range(MAX_PER_NETWORK):
        standing.add(f"{number}.test", "192.0.2.1", 0.0)
    standing.remove("0.test")
    standing.add("next.test", "192.0.2.1", 1.0)
    standing.add("later.test", "192.0.2.1", KNOWN_S + 0.5)

    assert not standing.has("0.test", 1.0)
    assert standing.has("next.test", 1.0)
    assert standing.has("later.test", KNOWN_S + 1)


def test_a_stall_ends_it_before_the_answer(world: Worlds, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the delivery still waits; a later quick answer brings it back."""

    async def scenario() -> None:
        async with world() as w:
            await w.delivers()
            assert w.destinations.is_known("peer.test", w.now_s)
            w.host.stall = asyncio.Event()
            usual_s = delivery.STALL_S
            monkeypatch.setattr(delivery, "STALL_S", 0.05)
            waits = asyncio.create_task(w.delivers())
            while w.destinations.is_known("peer.test", w.now_s):
                await asyncio.sleep(0.01)

            assert not waits.done()
            w.now_s += 10
            w.host.stall.set()
            assert await waits == "250 OK (HTTPS)"
            assert not w.destinations.is_known("peer.test", w.now_s)
            monkeypatch.setattr(delivery, "STALL_S", usual_s)
            await w.delivers()
            assert w.destinations.is_known("peer.test", w.now_s)

    asyncio.run(scenario())


def test_a_failure_of_smtp_ends_it(world: Worlds) -> None:
    """Postfix comes to the gateway although SMTP is first: SMTP has failed."""

    async def scenario() -> None:
        async with world() as w:
            w.destinations.domain_fails("peer.test", w.now_s, tried=True)
            w.destinations.answers("peer.test", "192.0.2.1", w.now_s)
            w.names.hosts["peer.test"] = []
            w.now_s += 1
            await w.delivers()
            assert w.destinations.is_known("peer.test", w.now_s)
            w.now_s += PAUSE_S
            await w.delivers()
            assert not w.destinations.is_known("peer.test", w.now_s)

    asyncio.run(scenario())


def test_few_deliveries_wait_at_an_ip_address(
    world: Worlds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More of them get a 451; the domain is not blamed for it."""
    monkeypatch.setattr(waiting, "MAX_PER_NETWORK", 2)

    async def scenario() -> None:
        async with world() as w:
            w.names.hosts |= {
                f"{number}.test": [Exchanger(name=CERTIFIED, verify=True)] for number in range(3)
            }
            w.host.stall = asyncio.Event()
            waits = [
                asyncio.create_task(w.delivers(b"x\r\n", f"b@{number}.test")) for number in (0, 1)
            ]
            while len(w.host.received) < 2:
                await asyncio.sleep(0.01)

            said = await w.delivers(b"x\r\n", "b@2.test")
            assert said == "451 4.3.2 Too many deliveries wait at this IP address"
            assert w.destinations.is_https_first("2.test", w.now_s)
            w.host.stall.set()
            assert set(await asyncio.gather(*waits)) == {"250 OK (HTTPS)"}
            assert await w.delivers(b"x\r\n", "b@2.test") == "250 OK (HTTPS)"

    asyncio.run(scenario())
