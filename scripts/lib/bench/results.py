"""The figures of both sides: measured in turns, and printed as a table."""

from __future__ import annotations

import statistics
import subprocess
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from bench.families import FAMILIES
from bench.rows import Family, Row
from bench.sides import BARE, OURS, Side
from labs import LabFailedError
from steps import say, step

NOTE: Final = "bare: stock Postfix and Dovecot without anything of ours, measured in turns"


@dataclass(slots=True)
class Results:
    """All figures of a run, by side and key (FAMILY.FIGURE), and what failed."""

    ours: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    bare: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    failed: list[str] = field(default_factory=list)

    def medians(self) -> dict[str, dict[str, float]]:
        """Return the median of each figure: {KEY: {"ours": …, "bare": …}}."""
        found: dict[str, dict[str, float]] = {}
        for name, side in (("ours", self.ours), ("bare", self.bare)):
            for key, values in side.items():
                found.setdefault(key, {})[name] = statistics.median(values)
        return found

    def measure(self, family: Family, side: Side) -> None:
        """Measure a family once; what fails is noted."""
        figures = self.bare if side.is_bare else self.ours
        try:
            for figure, value in family.measure(side).items():
                figures[f"{family.name}.{figure}"].append(value)
        except (LabFailedError, subprocess.TimeoutExpired) as error:
            self.failed.append(f"{family.name}, {side.lab}: {error}")


def measured(families: Sequence[Family], rounds: int) -> Results:
    """Return the figures of some families, both sides in turns."""
    results = Results()
    with step("two labs"), OURS.up(), BARE.up():
        for family in families:
            sides = (OURS, BARE) if family.has_bare else (OURS,)
            for number in range(1 if family.once else rounds):
                for side in sides:
                    with step(f"{family.name}, round {number + 1}, {side.lab}"):
                        results.measure(family, side)
    return results


def print_table(medians: Mapping[str, Mapping[str, float]]) -> None:
    """Print a line for each row that was measured."""
    say("")
    say(f"{'figure':34}{'ours':>10}{'bare':>10}  {'unit':5}{'ratio':>6}   goal")
    for family in FAMILIES:
        for row in family.rows:
            key = family.key(row)
            ours = medians.get(key, {}).get("ours")
            bare = medians.get(row.bare_key or key, {}).get("bare")
            if ours is not None:
                say(_line(row, ours, bare))
    say("")
    say(NOTE)


def _line(row: Row, ours: float, bare: float | None) -> str:
    goal = row.target()
    mark = f"{goal}: {'reached' if row.reached(ours, bare) else 'MISSED'}" if goal else ""
    other = f"{bare:10.1f}" if bare is not None else f"{'-':>10}"
    ratio = f"{ours / bare:6.2f}" if bare else f"{'-':>6}"
    return f"{row.name:34}{ours:10.1f}{other}  {row.unit:5}{ratio}   {mark}"
