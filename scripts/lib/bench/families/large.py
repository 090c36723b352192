"""A message of 30 MB: its time, and the peak memory of the filter."""

from __future__ import annotations

from typing import Final

from bench import memory
from bench.rows import Family, Row
from bench.sides import RELAYS, Figures, Side

_LATENCY: Final = ("latency", "--size-bytes", "30000000", "--count", "2")


def _measure(side: Side) -> Figures:
    if side.is_bare:
        return side.figures(*_LATENCY)
    with memory.peak(side.lab, RELAYS[0], "chatmail-filter") as peak:
        figures = side.figures(*_LATENCY)
    return figures | {"filter_mib": peak[0]}


FAMILY: Final = Family(
    name="30MB",
    measure=_measure,
    rows=(
        Row(name="30 MB, median", figure="noticed_median_ms", unit="ms"),
        Row(name="30 MB, peak of the filter", figure="filter_mib", unit="MiB"),
    ),
)
