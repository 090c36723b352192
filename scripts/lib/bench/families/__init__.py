"""What scripts/bench measures, in this order: memory before any load."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bench.families import (
    far,
    large,
    local,
    logins,
    many,
    memory,
    push,
    storage,
    storm,
    throughput,
)
from bench.rows import Family

FAMILIES: Final[Sequence[Family]] = (
    memory.FAMILY,
    local.FAMILY,
    *far.FAMILIES,
    push.FAMILY,
    logins.FAMILY,
    storm.FAMILY,
    *throughput.FAMILIES,
    large.FAMILY,
    many.FAMILY,
    storage.FAMILY,
)
