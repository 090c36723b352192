"""The time from the sender's 250 to the request at the notification server."""

from __future__ import annotations

from typing import Final

from bench.rows import Family, Row

FAMILY: Final = Family(
    name="push",
    measure=lambda side: side.figures("waking"),
    rows=(Row(name="phone woken after the 250", figure="woken_median_ms", unit="ms", most=50),),
    has_bare=False,
)
