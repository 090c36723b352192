"""The dashboard's panels with the data of their queries."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

_LABEL: Final = re.compile(r"\{\{\s*(\w+)\s*\}\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A series: its name in the legend, and times with values; no value is None."""

    name: str
    points: tuple[tuple[float, float | None], ...]

    @property
    def values(self) -> list[float]:
        """All values that are numbers."""
        return [value for _, value in self.points if value is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A panel or the title of a row; sizes in columns and lines of Grafana's grid."""

    title: str
    kind: str
    unit: str
    x: int
    y: int
    width: int
    height: int
    lines: tuple[Line, ...]


def panels(dashboard: Mapping[str, Any], answers: Mapping[str, Any]) -> list[Panel]:
    """All panels of a dashboard; `answers` has, by a panel's id, the series of each query."""
    return [_panel(given, answers.get(str(given["id"]), ())) for given in dashboard["panels"]]


def _panel(given: Mapping[str, Any], answers: Sequence[Sequence[Mapping[str, Any]]]) -> Panel:
    targets = given.get("targets", ())
    if len(targets) != len(answers):
        raise ValueError(f"{given['title']}: {len(targets)} queries, {len(answers)} answers")
    place = given["gridPos"]
    return Panel(
        title=given["title"],
        kind=given["type"],
        unit=given.get("fieldConfig", {}).get("defaults", {}).get("unit", "none"),
        x=place["x"],
        y=place["y"],
        width=place["w"],
        height=place["h"],
        lines=tuple(
            _line(target["legendFormat"], series)
            for target, found in zip(targets, answers, strict=True)
            for series in found
        ),
    )


def _line(legend: str, series: Mapping[str, Any]) -> Line:
    labels = series["metric"]
    numbers = [(float(time), float(value)) for time, value in series["values"]]
    return Line(
        name=_LABEL.sub(lambda match: labels.get(match[1], ""), legend),
        points=tuple((time, value if math.isfinite(value) else None) for time, value in numbers),
    )
