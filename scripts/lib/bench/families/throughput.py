"""Messages on one relay from 20 senders who do not wait."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from bench.rows import Family, Row
from bench.sides import Figures, Side


def measure(size_bytes: int, each: int, *more: str) -> Callable[[Side], Figures]:
    """Return a measurement: messages of each sender until the last has arrived."""
    arguments = ["--size-bytes", str(size_bytes), "--each", str(each), *more]
    return lambda side: side.figures("throughput", *arguments)


def _family(size: str, size_bytes: int, each: int, least_ratio: float) -> Family:
    name = f"throughput, {size}"
    row = Row(name=name, figure="messages_per_s", unit="/s", least_ratio=least_ratio)
    return Family(name=size.replace(" ", ""), measure=measure(size_bytes, each), rows=(row,))


FAMILIES: Final[Sequence[Family]] = (
    _family("2 KB", 2_048, 50, 1.0),
    _family("100 KB", 100_000, 15, 0.95),
    _family("5 MB", 5_000_000, 2, 0.9),
)
