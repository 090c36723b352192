"""A mailbox that grows: a delivery, and the first look of a new device."""

from __future__ import annotations

from typing import Final

from bench.rows import Family, Row
from bench.sides import RELAYS, Figures, Side
from storage.mailbox import SAMPLE, Mailbox

_SMALL, _LARGE = 100, 10_000  # messages
_TURNS: Final = 3


def _measure(side: Side) -> Figures:
    mailbox = Mailbox(side.lab, RELAYS[0])
    mailbox.client("list")
    small_ms = _delivery_ms(mailbox, _SMALL)
    large_ms = _delivery_ms(mailbox, _LARGE)
    synced_ms, _ = mailbox.client("sync")
    return {
        "delivery_cpu_ms": large_ms,
        "growth": large_ms / small_ms,
        "first_sync_s": synced_ms / 1000,
        "complaints": mailbox.complaints(),
    }


def _delivery_ms(mailbox: Mailbox, size: int) -> float:
    mailbox.fill(size)
    return min(mailbox.deliver(SAMPLE)["cpu_ms"] for _ in range(_TURNS))


FAMILY: Final = Family(
    name="storage",
    measure=_measure,
    has_bare=False,
    once=True,
    rows=(
        Row(name="delivery at 10,000 messages", figure="delivery_cpu_ms", unit="ms CPU"),
        Row(name="the same, by one at 100", figure="growth", unit="", most=1.3),
        Row(name="first sync of 10,000 headers", figure="first_sync_s", unit="s", most=0.5),
        Row(name="complaints about its cache", figure="complaints", unit="", most=0),
    ),
)
