"""All clients return at once: how long it takes, and what becomes of other people's messages."""

from __future__ import annotations

from typing import Final

from bench import storm
from bench.rows import Family, Row
from bench.sides import Figures, Side

COUNT: Final = 5000
ROUNDS: Final = 2


def _measure(side: Side) -> Figures:
    storms = list(storm.storms(side.lab, COUNT, ROUNDS))
    return {
        "duration_s": max(found.duration_s for found in storms),
        "refusals": float(sum(len(found.refusals) for found in storms)),
        "noticed_p95_ms": max(found.noticed_p95_ms for found in storms),
        # a floor is the CPU time of the client itself: TLS, and a few lines of IMAP
        "cpu_ms": max(1000 * sum(found.services_cpu_s.values()) / COUNT for found in storms),
    }


FAMILY: Final = Family(
    name="storm",
    measure=_measure,
    rows=(
        Row(name="5,000 clients return", figure="duration_s", unit="s", most=storm.MOST_S),
        Row(name="clients refused meanwhile", figure="refusals", unit="", most=0),
        Row(
            name="message meanwhile, p95",
            figure="noticed_p95_ms",
            unit="ms",
            most=storm.MOST_P95_MS,
        ),
        Row(name="CPU of each client", figure="cpu_ms", unit="ms"),
    ),
    has_bare=False,
    once=True,
)
