"""Logins, 50 at once: of new addresses, which ours creates, and of addresses that are there."""

from __future__ import annotations

from typing import Final

from bench.rows import Family, Row

COUNT: Final = 1200  # with 300, the start of fifty clients costs a tenth

FAMILY: Final = Family(
    name="logins",
    measure=lambda side: side.figures("logins", "--count", str(COUNT)),
    rows=(
        Row(name="addresses created", figure="created_per_s", unit="/s", least=200),
        Row(name="logins", figure="logins_per_s", unit="/s", least=220, least_ratio=0.9),
    ),
)
