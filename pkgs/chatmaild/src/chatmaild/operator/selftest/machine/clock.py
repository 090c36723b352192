"""The clock: DKIM, certificates, TURN credentials and METADATA need the right time."""

import email.utils
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from chatmaild.operator.selftest.https import date_of
from chatmaild.operator.selftest.network.names import relays_of
from chatmaild.operator.selftest.report import Check, failed, ok, skipped
from chatmaild.settings import Settings

NAME: Final = "clock"
# 1 minute: other relays accept a token or a signature this far in the future
MOST_S: Final = 60.0
# the header has whole seconds, and the answer takes time
EXACT_S: Final = 3.0


def check(settings: Settings) -> Check:
    """Compare with the header Date of other relays, and decide."""
    relays = relays_of(settings)
    if not relays:
        return skipped(
            NAME, "services.chatmail.selftest.relays names no relay to compare the clock with"
        )
    return judge(offset for relay in relays if (offset := offset_s(date_of(relay))) is not None)


def offset_s(header: str | None) -> float | None:
    """How far this clock is ahead of a header Date; None for none."""
    if not header:
        return None
    try:
        return (datetime.now(UTC) - email.utils.parsedate_to_datetime(header)).total_seconds()
    except (TypeError, ValueError):
        return None


def judge(offsets_s: Iterable[float]) -> Check:
    """Decide by the relay with the nearest clock: others may be wrong themselves."""
    nearest = min(offsets_s, key=abs, default=None)
    if nearest is None:
        return skipped(NAME, "no other relay answered")
    if abs(nearest) <= EXACT_S:
        return ok(NAME, "agrees with other relays")
    words = f"{abs(nearest):.0f} s {'ahead of' if nearest > 0 else 'behind'} that of other relays"
    if abs(nearest) <= MOST_S:
        return ok(NAME, words)
    return failed(NAME, words, "timedatectl set-ntp true; then timedatectl timesync-status")
