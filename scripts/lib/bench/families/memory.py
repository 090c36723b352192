"""Memory of all daemons, at rest and for each waiting session."""

from __future__ import annotations

from typing import Final

from bench import memory
from bench.rows import Family, Row
from bench.sides import RELAYS, Figures, Side

CONNECTIONS: Final = 1000
SETTLE_S: Final = 5  # sessions hibernate after 1 s, their process ends 1 s later


def _measure(side: Side) -> Figures:
    daemons_kib = memory.pss_kib(side.lab, RELAYS[0])
    connection_kib = memory.per_idle_connection_kib(side, CONNECTIONS, SETTLE_S)
    return {"daemons_mib": daemons_kib / 1024, "connection_kib": connection_kib}


FAMILY: Final = Family(
    name="memory",
    measure=_measure,
    rows=(
        Row(name="memory of all daemons, idle", figure="daemons_mib", unit="MiB", most=70),
        Row(name="memory per waiting session", figure="connection_kib", unit="KiB", most=60),
    ),
    once=True,
)
