"""A message on one relay, from DATA until the recipient's IDLE notices it."""

from __future__ import annotations

from typing import Final

from bench.rows import Family, Row

FAMILY: Final = Family(
    name="local",
    measure=lambda side: side.figures("latency"),
    rows=(
        Row(name="local message, median", figure="noticed_median_ms", unit="ms", most_ratio=1.0),
        Row(name="local message, p95", figure="noticed_p95_ms", unit="ms"),
        Row(name="until the sender's 250", figure="accepted_median_ms", unit="ms", most_ratio=1.25),
    ),
)
