"""Draws the history as SVG: a small graph for each figure, ours and bare, and the goal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from bench.costs.model import CPU, WORKS
from bench.families import FAMILIES
from bench.past import history
from dashboard.units import ticks

FOLDER: Final = history.FILE.parent
# pixels
_WIDTH: Final = 880
_COLUMNS: Final = 3
_GRAPH_HEIGHT: Final = 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 10, 26, 34
_TICKS: Final = 3
_STYLE: Final = """
svg { font: 11px sans-serif; }
text { fill: #333; } .title { font-weight: bold; font-size: 12px; } .small { fill: #777; }
.grid { stroke: #ddd; } .goal { stroke: #c60; stroke-dasharray: 4 3; }
.ours { stroke: #06c; fill: #06c; } .bare { stroke: #888; fill: #888; }
path { fill: none !important; stroke-width: 1.8; }
@media (prefers-color-scheme: dark) {
  text { fill: #ddd; } .small { fill: #999; } .grid { stroke: #444; }
  .ours { stroke: #6af; fill: #6af; } .bare { stroke: #aaa; fill: #aaa; }
}
"""
SIDES: Final = ("ours", "bare")
_SHOWN: Final = {
    CPU: "CPU, µs",
    "system_calls": "system calls",
    "disk_syncs": "disk syncs",
    "bytes_written": "bytes written",
    "round_trips": "round trips",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A graph: its title, the goal, and for each entry the value of each side, or none."""

    title: str
    goal: float | None
    entries: Sequence[Mapping[str, float]]
    labels: Sequence[str]


def draw() -> None:
    """Write speed.svg and model.svg beside the history."""
    entries = history.read()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, panels in (("speed", speed(entries)), ("model", model(entries))):
        (FOLDER / f"{name}.svg").write_text(svg(panels))


def speed(entries: Sequence[Mapping[str, Any]]) -> list[Panel]:
    """Return a panel for each row that was ever measured."""
    runs = [entry for entry in entries if entry["kind"] == "speed"]
    found = []
    for family in FAMILIES:
        for row in family.rows:
            keys = {"ours": family.key(row), "bare": row.bare_key or family.key(row)}
            title = f"{row.name}, {row.unit}".removesuffix(", ")
            found.append(_panel(title, row.most or row.least, keys, runs))
    return [panel for panel in found if any(panel.entries)]


def model(entries: Sequence[Mapping[str, Any]]) -> list[Panel]:
    """Return a panel for each work and kind of cost."""
    runs = [entry for entry in entries if entry["kind"] == "model"]
    found = [
        _panel(f"{work.name}: {title}", None, dict.fromkeys(SIDES, f"{work.name}.{kind}"), runs)
        for work in WORKS
        for kind, title in _SHOWN.items()
    ]
    return [panel for panel in found if any(panel.entries)]


def _panel(
    title: str, goal: float | None, keys: Mapping[str, str], runs: Sequence[Mapping[str, Any]]
) -> Panel:
    entries = []
    for run in runs:
        found = {side: run["figures"].get(key, {}).get(side) for side, key in keys.items()}
        entries.append({side: value for side, value in found.items() if value is not None})
    shown = [n for n, entry in enumerate(entries) if entry]
    return Panel(
        title=title,
        goal=goal,
        entries=[entries[n] for n in shown],
        labels=[f"{runs[n]['commit'][:7]}" for n in shown],
    )


def svg(panels: Sequence[Panel]) -> str:
    """Return a picture with all panels."""
    rows = -(-len(panels) // _COLUMNS)
    height = rows * (_GRAPH_HEIGHT + 10) + 24
    width = _WIDTH // _COLUMNS
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}"'
        f' width="{_WIDTH}" height="{height}">',
        f"<style>{_STYLE}</style>",
        _legend(),
    ]
    for number, panel in enumerate(panels):
        left = number % _COLUMNS * width
        top = number // _COLUMNS * (_GRAPH_HEIGHT + 10) + 24
        parts += [f'<g transform="translate({left} {top})">', *_graph(panel, width), "</g>"]
    return "\n".join([*parts, "</svg>", ""])


def _legend() -> str:
    return (
        '<g transform="translate(6 12)"><circle class="ours" cx="4" cy="-4" r="4"/>'
        '<text x="12">ours</text><circle class="bare" cx="60" cy="-4" r="4"/>'
        '<text x="68">bare</text><line class="goal" x1="110" x2="134" y1="-4" y2="-4"/>'
        '<text x="140">goal</text></g>'
    )


def _graph(panel: Panel, width: int) -> list[str]:
    values = [value for entry in panel.entries for value in entry.values()]
    marks = ticks(0.0, max([*values, panel.goal or 0.0]) or 1.0, _TICKS)
    right, bottom = width - _RIGHT, _GRAPH_HEIGHT - _BOTTOM
    step = (right - _LEFT) / max(1, len(panel.entries) - 1)

    def across(number: int) -> float:
        return round(_LEFT + 6 + number * (step - 12 / max(1, len(panel.entries) - 1)), 1)

    def down(value: float) -> float:
        return round(bottom - value / marks[-1] * (bottom - _TOP), 1)

    parts = [f'<text class="title" x="{_LEFT}" y="14">{escape(panel.title)}</text>']
    for mark in marks:
        parts += [
            f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{down(mark)}" y2="{down(mark)}"/>',
            f'<text class="small" x="{_LEFT - 4}" y="{down(mark) + 4}" text-anchor="end">'
            f"{mark:g}</text>",
        ]
    if panel.goal is not None:
        y = down(panel.goal)
        parts.append(f'<line class="goal" x1="{_LEFT}" x2="{right}" y1="{y}" y2="{y}"/>')
    for side in reversed(SIDES):
        points = [(across(n), down(e[side])) for n, e in enumerate(panel.entries) if side in e]
        parts += _line(side, points)
    return [*parts, *_names(panel, across, bottom)]


def _line(side: str, points: Sequence[tuple[float, float]]) -> list[str]:
    path = "L".join(f"{x:g} {y:g}" for x, y in points)
    return [
        *([f'<path class="{side}" d="M{path}"/>'] if len(points) > 1 else []),
        *(f'<circle class="{side}" cx="{x:g}" cy="{y:g}" r="3"/>' for x, y in points),
    ]


def _names(panel: Panel, across: Callable[[int], float], bottom: int) -> list[str]:
    """The commits of the first and the last point."""
    last = len(panel.labels) - 1
    shown = {0: "start", last: "end"} if last else {0: "start"}
    return [
        f'<text class="small" x="{across(n) - 6:g}" y="{bottom + 16}" text-anchor="{anchor}">'
        f"{escape(panel.labels[n])}</text>"
        for n, anchor in shown.items()
    ]
