"""Choose a store for a name, by weighted rendezvous hashing.

Each store gets a score from its own name, its weight and the name that is placed; the highest score
wins. Every front computes the same winner without asking anybody. When a store joins, names move to
it alone; when one leaves, its names alone move; a greater weight attracts names and moves none
between the others.

    hash(text) = the first 8 bytes of BLAKE2b-64, as a little-endian number
    number     = mix(hash(name) XOR hash(store)), a number of 64 bits
    u          = (number >> 12, plus a half) / 2^52, above 0 and below 1
    score      = -weight / ln(u)

`mix` is the finaliser of SplitMix64. A BLAKE2b of each name with each store would be as good, and
costs thirteen times as much with 1,000 stores. Among stores of one weight the largest number has
the highest score, so each weight costs one logarithm.

D. G. Thaler, C. V. Ravishankar: Using name-based mappings to increase hit rates, IEEE/ACM
Transactions on Networking 6 (1998); the score of weighted nodes, -w / ln(u), is the logarithmic
method of C. Schindelhauer, G. Schomaker: Weighted distributed hash tables, SPAA 2005. SplitMix64:
G. L. Steele, D. Lea, C. H. Flood: Fast splittable pseudorandom number generators, OOPSLA 2014.

The scores must never change: mailboxes are where an earlier version has put them.
"""

import functools
import hashlib
import itertools
import math
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

# a float has 53: one is left for the half that keeps the number from 0 and 1
_BITS: Final = 52
_LARGEST: Final = (1 << 64) - 1
# twice as wide as a number: a product stays in its lane
_LANE_BYTES: Final = 16
# Postfix, the filter and Dovecot ask about a name within a second; 300 bytes each
MOST_REMEMBERED: Final = 10000


class Placement:
    """Places names on stores.

    Args:
        weights: of the stores, by name; those without a weight above 0 get no names.

    Attributes:
        winner: returns the store of a name; None if there is none. It remembers the last names.
    """

    def __init__(self, weights: Mapping[str, float]) -> None:
        stores = sorted((weight, store) for store, weight in weights.items() if weight > 0)
        self._stores = [store for _, store in stores]
        # each weight, with the positions of its stores
        self._groups: list[tuple[float, int, int]] = []
        for weight, group in itertools.groupby(stores, lambda pair: pair[0]):
            start = self._groups[-1][2] if self._groups else 0
            self._groups.append((weight, start, start + len(list(group))))
        self._ones = _lanes(1 for _ in stores)
        self._low_halves = _lanes(_LARGEST for _ in stores)
        self._hashes = _lanes(map(_hash, self._stores))
        self._split = struct.Struct("<" + "Q8x" * len(stores))
        self.winner: Callable[[str], str | None] = functools.lru_cache(MOST_REMEMBERED)(self._find)

    def _find(self, name: str) -> str | None:
        numbers = self._numbers(name)
        scores = []
        for weight, start, end in self._groups:
            group = numbers[start:end]
            largest = max(group)
            # without others it needs no score
            score = _score(largest, weight) if len(self._groups) > 1 else 0.0
            scores.append((score, start + group.index(largest)))
        return self._stores[max(scores)[1]] if scores else None

    def _numbers(self, name: str) -> tuple[int, ...]:
        """Return the number of each store: all at once, in the lanes of one large integer."""
        low = self._low_halves
        lanes = self._hashes ^ self._ones * _hash(name)
        lanes = (lanes ^ ((lanes >> 30) & low)) * 0xBF58476D1CE4E5B9 & low
        lanes = (lanes ^ ((lanes >> 27) & low)) * 0x94D049BB133111EB & low
        lanes ^= (lanes >> 31) & low
        return self._split.unpack(lanes.to_bytes(self._split.size, "little"))


def winner(name: str, weights: Mapping[str, float]) -> str | None:
    """Return the store of a name; None if no store has a weight above 0."""
    return _placement(tuple(weights.items())).winner(name)


def winners(name: str, placements: Iterable[Placement]) -> Iterator[str]:
    """Yield the winner of each placement, each store once."""
    seen = set()
    for placement in placements:
        store = placement.winner(name)
        if store is not None and store not in seen:
            seen.add(store)
            yield store


def all_of(weights: Iterable[Mapping[str, float]]) -> list[Placement]:
    """Return the placements of settings, in their order."""
    return [_placement(tuple(one.items())) for one in weights]


@functools.lru_cache(maxsize=16)
def _placement(weights: tuple[tuple[str, float], ...]) -> Placement:
    return Placement(dict(weights))


def _score(number: int, weight: float) -> float:
    return -weight / math.log(((number >> 64 - _BITS) + 0.5) / (1 << _BITS))


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def _lanes(numbers: Iterable[int]) -> int:
    """Return an integer with a number of 64 bits in the low half of each lane."""
    return int.from_bytes(b"".join(n.to_bytes(_LANE_BYTES, "little") for n in numbers), "little")
