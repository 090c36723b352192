"""Draws the dashboard as one HTML page with SVG graphs; it knows no clock, disk or Prometheus."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dashboard.panels import Line, Panel
from dashboard.units import scale, ticks
from jinja2 import Environment, FileSystemLoader, StrictUndefined

# pixels
COLUMN: Final = 40
LINE: Final = 30
GAP: Final = 8
_TITLE: Final = 26
_LEGEND: Final = 17
_LEGENDS_MOST: Final = 4
_SMALLEST: Final = 12
_PADDING: Final = 10
_AXIS: Final = 52  # the numbers at the left
_TIMES: Final = 18  # the times below
_LETTER: Final = 6.3  # a guess, for the breaks of a legend
COLOURS: Final = 8
_TICKS: Final = 3
_TIMES_SHOWN: Final = 3
_TEMPLATE: Final = "page.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The time that all graphs show, in seconds since 1970."""

    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A line of the grid: where, and its text."""

    at: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """The geometry of a panel's graph, in pixels; a path for each line."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    rows: Sequence[Mark]
    times: Sequence[Mark]
    paths: Sequence[str]


def page(title: str, panels: Sequence[Panel], span: Span) -> str:
    """The page, for light and dark."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    height = max((panel.y + panel.height for panel in panels), default=0) * LINE
    drawn = [
        {
            "panel": panel,
            "left": panel.x * COLUMN + GAP // 2,
            "top": panel.y * LINE + GAP // 2,
            "width": panel.width * COLUMN - GAP,
            "height": panel.height * LINE - GAP,
            "graph": graph(panel, span) if panel.kind == "timeseries" and panel.lines else None,
            "numbers": _numbers(panel) if panel.kind != "timeseries" else (),
            "line": _line_of_numbers(panel),
        }
        for panel in panels
    ]
    return environment.get_template(_TEMPLATE).render(
        title=title, drawn=drawn, height=height, width=24 * COLUMN, colours=COLOURS
    )


def graph(panel: Panel, span: Span) -> Graph:
    """Places a panel's lines, numbers and times."""
    width = panel.width * COLUMN - GAP - 2 * _PADDING
    legend = _LEGEND * min(_LEGENDS_MOST, _legend_rows(panel.lines, width))
    height = panel.height * LINE - GAP - _TITLE - legend - _PADDING
    values = [value for line in panel.lines for value in line.values] or [0.0]
    unit = scale(panel.unit, max(values))
    high = max(values) / unit.size or 1.0
    marks = ticks(min(0.0, min(values) / unit.size), high, _TICKS)
    left, right, top, bottom = _AXIS, width - 4, 6, height - _TIMES

    def across(time_s: float) -> float:
        part = (time_s - span.start_s) / (span.end_s - span.start_s)
        return round(left + part * (right - left), 1)

    def down(number: float) -> float:
        return round(bottom - (number - marks[0]) / (marks[-1] - marks[0]) * (bottom - top), 1)

    return Graph(
        width=width,
        height=height,
        left=left,
        right=right,
        top=top,
        bottom=bottom,
        rows=[Mark(at=down(mark), text=unit.text(mark * unit.size)) for mark in marks],
        times=[Mark(at=across(time), text=_clock(time)) for time in _round_times(span)],
        paths=[
            _path([(across(t), None if v is None else down(v / unit.size)) for t, v in line.points])
            for line in panel.lines
        ],
    )


def _path(points: Sequence[tuple[float, float | None]]) -> str:
    """An SVG path; where no value is, the line has a gap."""
    words, pen = [], "M"
    for x, y in points:
        if y is None:
            pen = "M"
        else:
            words.append(f"{pen}{x:g} {y:g}")
            pen = "L"
    return "".join(words)


def _legend_rows(lines: Sequence[Line], width: float) -> int:
    """How many rows the legend needs."""
    rows, used = 1, 0.0
    for line in lines:
        need = 26 + _LETTER * len(line.name)
        if used and used + need > width:
            rows, used = rows + 1, 0.0
        used += need
    return rows


def _numbers(panel: Panel) -> list[tuple[str, str]]:
    """The name and the last value of each line."""
    last = [(line.name, line.values[-1]) for line in panel.lines if line.values]
    return [(name, scale(panel.unit, value).text(value)) for name, value in last]


def _line_of_numbers(panel: Panel) -> int:
    """The height of a row with two numbers, so that all have room."""
    room = panel.height * LINE - GAP - _TITLE - _PADDING
    return max(_SMALLEST, min(_LEGEND + 1, 2 * room // max(2, len(panel.lines) + 1)))


def _round_times(span: Span) -> list[float]:
    """Whole minutes, or whatever fits, within the span."""
    found = ticks(span.start_s / 60, span.end_s / 60, _TIMES_SHOWN)
    return [mark * 60 for mark in found if span.start_s <= mark * 60 <= span.end_s]


def _clock(time_s: float) -> str:
    return f"{datetime.datetime.fromtimestamp(time_s, datetime.UTC):%H:%M:%S}".removesuffix(":00")
