"""One message to many local recipients, whose sessions wait in IDLE."""

from __future__ import annotations

import statistics
import time
from typing import Final

from bench.many import measure
from bench.rows import Family, Row
from bench.sides import Figures, Side


def _measure(side: Side) -> Figures:
    small = list(measure.measured(side.lab, measure.Work(count=500)))
    begun_s = time.time()
    large = list(
        measure.measured(side.lab, measure.Work(count=1_000, size_bytes=100_000, rounds=1))
    )
    files, _ = measure.bodies(side.lab, begun_s)
    return {
        "small_s": statistics.median(figures["last_s"] for figures in small),
        "large_s": large[0]["last_s"],
        "bodies": float(files),
    }


FAMILY: Final = Family(
    name="many",
    measure=_measure,
    rows=(
        Row(name="2 KB to 500, the last notified", figure="small_s", unit="s", most=1.0),
        Row(name="100 KB to 1,000, the last notified", figure="large_s", unit="s", most=3.0),
        Row(name="bodies of the latter on disk", figure="bodies", unit="", most=1),
    ),
    has_bare=False,
    once=True,
)
