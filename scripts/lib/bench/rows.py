"""Rows of the table of scripts/bench, and families of rows that one measurement fills.

A new row: write a function that takes a `Side` and returns figures, name it in a `Family` of
families/*.py with a `Row` for each figure, and the family in families/__init__.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.sides import Figures, Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure with its unit and goal.

    `most` and `least` limit our figure, `most_ratio` and `least_ratio` ours divided by bare.
    `bare_key` names the figure of the bare relay, FAMILY.FIGURE, if it has another name there.
    """

    name: str
    figure: str
    unit: str
    most: float | None = None
    least: float | None = None
    most_ratio: float | None = None
    least_ratio: float | None = None
    bare_key: str | None = None

    def target(self) -> str:
        """Return the goal as text."""
        bounds = [
            (self.most, "at most {:g} " + self.unit),
            (self.least, "at least {:g} " + self.unit),
            (self.most_ratio, "at most {:g} x bare"),
            (self.least_ratio, "at least {:g} x bare"),
        ]
        return ", ".join(text.format(bound).rstrip() for bound, text in bounds if bound is not None)

    def reached(self, ours: float, bare: float | None) -> bool:
        """Return whether our figure meets the goal; without a bare one no ratio does."""
        ratio = ours / bare if bare else None
        return (
            (self.most is None or ours <= self.most)
            and (self.least is None or ours >= self.least)
            and (self.most_ratio is None or (ratio is not None and ratio <= self.most_ratio))
            and (self.least_ratio is None or (ratio is not None and ratio >= self.least_ratio))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Rows that one measurement fills.

    `has_bare`: the bare relay is measured, too. `once`: in the first round only.
    """

    name: str
    measure: Callable[[Side], Figures]
    rows: Sequence[Row]
    has_bare: bool = True
    once: bool = False

    def key(self, row: Row) -> str:
        """Return the name of a row's figure in results and in the history."""
        return f"{self.name}.{row.figure}"
