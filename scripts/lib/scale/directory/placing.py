"""Where addresses are: balance, and what moves when a store is added or drained.

Each score of the sample is computed, with the hash of the directory. A test of it (chi square) says
whether stores get addresses as by lot; then all addresses have the balance of a lot of that size.
"""

from __future__ import annotations

import math
import os
import random
import statistics
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from steps import say

ADDED: Final = "added"
# addresses of one process of the C program: a second with 1,000 stores
CHUNK: Final = 1_000_000
PROGRESS_S: Final = 10.0
DRAWS: Final = 20
SEED: Final = 17


@dataclass(frozen=True, slots=True, kw_only=True)
class Placing:
    """Addresses by store. `moved` go to the added one, `gained` are those of the drained one."""

    weights: Sequence[int]
    added_weight: int
    counts: Sequence[int]
    moved: int
    gained: Sequence[int]

    @property
    def addresses(self) -> int:
        """All of them."""
        return sum(self.counts)

    def fullness(self) -> list[float]:
        """Of each store: what it has, divided by its part of the weights."""
        part = self.addresses / sum(self.weights)
        pairs = zip(self.counts, self.weights, strict=True)
        return [count / (part * weight) for count, weight in pairs]

    def chi_square_deviations(self) -> float:
        """By how many standard deviations chi square differs from its mean: 3 is suspicious."""
        part = self.addresses / sum(self.weights)
        pairs = zip(self.counts, self.weights, strict=True)
        chi_square = sum((count - part * weight) ** 2 / (part * weight) for count, weight in pairs)
        freedom = len(self.counts) - 1
        return (chi_square - freedom) / math.sqrt(2 * freedom)

    def moved_share(self) -> float:
        """Of all addresses, when the store is added."""
        return self.moved / self.addresses

    def moved_error(self) -> float:
        """Standard error of `moved_share` in a sample."""
        return math.sqrt(self.added_share() * (1 - self.added_share()) / self.addresses)

    def added_share(self) -> float:
        """Of all weights, with the added store."""
        return self.added_weight / (sum(self.weights) + self.added_weight)

    def drained_fullness(self) -> list[float]:
        """Of each store but the first: what it gets of it, divided by its part of the weights."""
        part = sum(self.gained) / sum(self.weights[1:])
        pairs = zip(self.gained[1:], self.weights[1:], strict=True)
        return [gained / (part * weight) for gained, weight in pairs]


def address(number: int) -> str:
    """As the C program names it."""
    return f"s{number:08}@chat.example.org"


def weighted(stores: int, weights: Sequence[int]) -> dict[str, int]:
    """Stores with these weights in equal numbers, the same weights side by side."""
    return {
        f"store{number + 1}": weights[number * len(weights) // stores] for number in range(stores)
    }


def winners(program: Path, stores: Mapping[str, int], addresses: int) -> list[str]:
    """The stores of the first addresses."""
    names = list(stores)
    return [names[int(line)] for line in _run(program, stores, "winners", 0, addresses)]


def placing(
    program: Path, stores: Mapping[str, int], added: int, addresses: int, chunk: int = CHUNK
) -> Placing:
    """Place addresses, on all cores, and tell how far it is.

    Args:
        stores: weights by name, the same ones side by side.
        added: weight of the store that is added.
        addresses: how many; a multiple of 8.
        chunk: how many in each process, a multiple of 8, too.
    """
    found = list(_parts(program, {**stores, ADDED: added}, addresses, chunk))
    by_store = zip(*(part[1:] for part in found), strict=True)
    columns = [(sum(pair[0] for pair in row), sum(pair[1] for pair in row)) for row in by_store]
    return Placing(
        weights=list(stores.values()),
        added_weight=added,
        counts=[count for count, _ in columns],
        moved=sum(part[0][0] for part in found),
        gained=[gained for _, gained in columns],
    )


def by_lot(weights: Sequence[int], addresses: int) -> tuple[float, float]:
    """Return max/mean and relative standard deviation, the averages of some draws.

    A store gets a normal number: with thousands of addresses it is as good as a binomial one.
    """
    chance = random.Random(SEED)  # noqa: S311 - no secret
    shares = [weight / sum(weights) for weight in weights]
    spreads = [math.sqrt((1 - share) / (addresses * share)) for share in shares]
    draws = [[chance.gauss(1, spread) for spread in spreads] for _ in range(DRAWS)]
    highest = statistics.fmean(max(draw) for draw in draws)
    return highest, statistics.fmean(statistics.pstdev(draw) for draw in draws)


def report(found: Placing, addresses: int) -> None:
    """Print the figures of a sample, and those of all addresses."""
    fullness, drained = found.fullness(), found.drained_fullness()
    kinds = ", ".join(str(weight) for weight in sorted(set(found.weights)))
    say(f"  {found.addresses:,} addresses, {len(found.counts)} stores, weights {kinds}:")
    say(
        f"    a store has {min(fullness):.4f} to {max(fullness):.4f} of its part,"
        f" standard deviation {statistics.pstdev(fullness):.3%};"
        f" chi square {found.chi_square_deviations():+.2f} standard deviations from its mean"
    )
    say(
        f"    one more store, of weight {found.added_weight}: {found.moved_share():.4%} of the"
        f" addresses move, all to it; expected {found.added_share():.4%}"
        f" ± {found.moved_error():.4%}"
    )
    say(
        f"    the first one drained: {found.counts[0]:,} addresses move, to"
        f" {sum(1 for gained in found.gained if gained):,} stores,"
        f" which get {min(drained):.2f} to {max(drained):.2f} of their part"
    )
    if found.addresses < addresses:
        highest, deviation = by_lot(found.weights, addresses)
        say(
            f"    {addresses:,} addresses by lot: the fullest store has {highest:.4f} of its part,"
            f" standard deviation {deviation:.3%}"
        )


def _parts(
    program: Path, stores: Mapping[str, int], addresses: int, chunk: int
) -> Iterator[list[tuple[int, ...]]]:
    starts = range(0, addresses, chunk)
    done, told_s = 0, time.monotonic()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = [
            pool.submit(_run, program, stores, "counts", start, min(start + chunk, addresses))
            for start in starts
        ]
        for run in as_completed(runs):
            yield [tuple(int(word) for word in line.split()) for line in run.result()]
            done += 1
            if time.monotonic() - told_s > PROGRESS_S:
                told_s = time.monotonic()
                say(f"    {min(done * chunk, addresses):,} of {addresses:,} addresses")


def _run(program: Path, stores: Mapping[str, int], what: str, start: int, end: int) -> list[str]:
    lines = "".join(f"{name} {weight}\n" for name, weight in stores.items())
    command = [str(program), what, str(start), str(end)]
    return subprocess.run(
        command, input=lines, stdout=subprocess.PIPE, text=True, check=True
    ).stdout.splitlines()
