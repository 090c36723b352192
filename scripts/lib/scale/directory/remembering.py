"""The memory of a front, and how many questions a login costs it.

A front asks the first place of an address, and remembers the addresses that are elsewhere: those
that got their store before stores or weights changed, and were not moved since.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scale.directory import compiled, load
from steps import say

STEP_S: Final = 300
HOUR: Final = 3600 // STEP_S
DAY: Final = 24 * HOUR
DAYS: Final = 7
SEED: Final = 17
# Not remembered: the first place denies, and an earlier place takes the password. Remembered, or at
# its first place: the password alone.
QUESTIONS_MORE: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Addresses elsewhere, at one front, within some time. `found` are those it remembered."""

    logins: int
    logins_found: int
    deliveries: int
    deliveries_found: int
    used: int

    def found_share(self) -> float:
        """Of logins and deliveries."""
        found = self.logins_found + self.deliveries_found
        return found / max(self.logins + self.deliveries, 1)

    def questions_a_login(self, elsewhere: float) -> float:
        """Of all addresses, if a share of them is elsewhere."""
        missed = 1 - self.logins_found / max(self.logins, 1)
        return 1 + elsewhere * missed * QUESTIONS_MORE


def spans(program: Path, relay: load.Relay, elsewhere: int, entries: int) -> Iterator[Span]:
    """Run a front for a week from an empty memory; a span for each STEP_S."""
    command = [
        *(program, elsewhere, relay.fronts, entries, SEED, DAYS * DAY, STEP_S),
        *(load.SESSIONS + load.SUBMISSIONS, load.DELIVERIES),
    ]
    with compiled.lines([str(word) for word in command]) as lines:
        for line in lines:
            numbers = [int(word) for word in line.split()]
            yield Span(
                logins=numbers[0],
                logins_found=numbers[1],
                deliveries=numbers[2],
                deliveries_found=numbers[3],
                used=numbers[4],
            )


def total(found: Sequence[Span]) -> Span:
    """All of them as one."""
    return Span(
        logins=sum(span.logins for span in found),
        logins_found=sum(span.logins_found for span in found),
        deliveries=sum(span.deliveries for span in found),
        deliveries_found=sum(span.deliveries_found for span in found),
        used=found[-1].used,
    )


def report(program: Path, relay: load.Relay, elsewhere: float, entries: int) -> None:
    """Print the first hour after a restart, and the seventh day."""
    found = list(spans(program, relay, round(relay.addresses * elsewhere), entries))
    hour, day = found[:HOUR], total(found[-DAY:])
    five, first, last, usual = (
        f"{span.questions_a_login(elsewhere):.4f}" for span in (hour[0], total(hour), hour[-1], day)
    )
    say(
        f"  {relay.addresses:,} addresses, {elsewhere:.1%} of them elsewhere,"
        f" {relay.fronts} fronts, {entries:,} entries:"
    )
    say(
        f"    questions a login: {five} in the first 5 minutes, {first} in the first hour,"
        f" {last} at its end, {usual} on day {DAYS}"
        f" ({day.found_share():.1%} found, {day.used:,} entries used)"
    )
