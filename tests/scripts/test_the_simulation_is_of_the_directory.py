"""scripts/scale directory: its C programs do what the directory of a front does."""

from __future__ import annotations

import shutil
from collections import Counter, OrderedDict
from collections.abc import Iterator
from pathlib import Path

import pytest
from chatmaild.directory.placement import winner
from scale.directory import compiled, load, placing, remembering

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")

STORES = placing.weighted(60, (1, 2, 5))
ADDRESSES = [placing.address(number) for number in range(10_000)]
RELAY = load.Relay(addresses=4_000, fronts=2, stores=2)
MASK = 2**64 - 1


@pytest.fixture(scope="module")
def placement() -> Iterator[Path]:
    with compiled.program("placement") as program:
        yield program


@pytest.fixture(scope="module")
def before() -> list[str | None]:
    return [winner(address, STORES) for address in ADDRESSES]


def test_addresses_are_placed_as_the_directory_places_them(
    placement: Path, before: list[str | None]
) -> None:
    """All of 10,000, on stores of three weights."""
    assert placing.winners(placement, STORES, len(ADDRESSES)) == before


def test_what_moves_is_counted(placement: Path, before: list[str | None]) -> None:
    """When a store is added, and when one is drained; in two processes, which are added up."""
    found = placing.placing(placement, STORES, 5, len(ADDRESSES), chunk=len(ADDRESSES) // 2)

    first, *others = STORES
    after = [winner(address, {**STORES, placing.ADDED: 5}) for address in ADDRESSES]
    left = {name: STORES[name] for name in others}
    gained = Counter(
        winner(address, left)
        for address, store in zip(ADDRESSES, before, strict=True)
        if store == first
    )
    counts = Counter(before)
    assert found.counts == [counts[name] for name in STORES]
    assert found.moved == after.count(placing.ADDED)
    assert found.gained == [gained[name] for name in STORES]


def test_stores_are_as_full_as_by_lot(placement: Path) -> None:
    """Chi square is near its mean, and far from it if every second store gets more."""
    found = placing.placing(placement, placing.weighted(200, (1,)), 1, 80_000)
    worse = [count + (100 if number % 2 else -100) for number, count in enumerate(found.counts)]
    bad = placing.Placing(
        weights=found.weights, added_weight=1, counts=worse, moved=0, gained=found.gained
    )

    assert abs(found.chi_square_deviations()) < 4
    assert bad.chi_square_deviations() > 4


@pytest.mark.parametrize("entries", [300, 4_000])
def test_a_memory_forgets_what_was_used_longest_ago(entries: int) -> None:
    """Every event of a week, beside a memory in Python that has the same random numbers."""
    with compiled.program("front") as program:
        found = list(remembering.spans(program, RELAY, RELAY.addresses, entries))

    assert found == list(_expected(entries))


def _expected(entries: int) -> Iterator[remembering.Span]:
    memory: OrderedDict[int, None] = OrderedDict()
    words = _words(remembering.SEED)
    logins, deliveries = load.SESSIONS + load.SUBMISSIONS, load.DELIVERIES
    half, limit = RELAY.addresses // 2, int(logins / (logins + deliveries) * 2**32)
    events = RELAY.addresses * (logins + deliveries) / RELAY.fronts / 86400 * remembering.STEP_S
    done = 0
    for step in range(1, remembering.DAYS * remembering.DAY + 1):
        count, hits = [0, 0], [0, 0]
        for _ in range(done, int(events * step)):
            delivery = next(words) >= limit
            quiet = delivery and next(words) * 4 >> 32 == 0
            address = (next(words) * half >> 32) + (half if quiet else 0)
            count[delivery] += 1
            hits[delivery] += address in memory
            memory[address] = None
            memory.move_to_end(address)
            if len(memory) > entries:
                memory.popitem(last=False)
        done = int(events * step)
        yield remembering.Span(
            logins=count[0],
            logins_found=hits[0],
            deliveries=count[1],
            deliveries_found=hits[1],
            used=len(memory),
        )


def _words(state: int) -> Iterator[int]:
    """The upper halves of splitmix64."""
    while True:
        state = state + 0x9E3779B97F4A7C15 & MASK
        z = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & MASK
        z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK
        yield (z ^ z >> 31) >> 32
