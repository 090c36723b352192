"""scripts/dashboard-picture: the panels of a dashboard, their numbers, and the page."""

from __future__ import annotations

import json
import math
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from dashboard.drawing import COLUMN, LINE, Span, graph, page
from dashboard.panels import Panel, panels
from dashboard.units import scale, ticks

DASHBOARD = Path(__file__).parents[2] / "pkgs/chatmail-monitoring/dashboard.json"
SPAN = Span(start_s=1_200_000_000, end_s=1_200_000_120)
FULL = 2 * 1024**3


def _given(number: int, kind: str, unit: str, *legends: str) -> dict[str, Any]:
    place = {"x": 8 * number, "y": 1, "w": 8, "h": 7}
    return {
        "id": number,
        "title": f"Panel <{number}>",
        "type": kind,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": unit}},
        "targets": [{"expr": "x", "legendFormat": legend} for legend in legends],
    }


def _series(labels: dict[str, str], *values: float) -> dict[str, Any]:
    """One value a minute, as Prometheus tells it."""
    points = [[SPAN.start_s + 60 * n, str(value)] for n, value in enumerate(values)]
    return {"metric": labels, "values": points}


ROW = {"id": 9, "title": "Mail", "type": "row", "gridPos": {"x": 0, "y": 0, "w": 24, "h": 1}}
SMALL = {
    "panels": [
        ROW,
        _given(0, "timeseries", "bytes", "{{ unit }} in {{place}}", "all"),
        _given(1, "stat", "s", "{{source}}"),
        _given(2, "timeseries", "ops", "{{result}}"),
    ]
}
ANSWERS = {
    "0": [
        [_series({"unit": "a&b", "place": "ram"}, 0, math.nan, FULL)],
        [_series({}, FULL, FULL, FULL)],
    ],
    "1": [[_series({"source": "filter"}, 1, 7200)]],
    "2": [[]],
}


def _small() -> list[Panel]:
    return panels(SMALL, ANSWERS)


def test_legends_are_filled_in_from_labels() -> None:
    """One line for each series of each query; a value that is no number is none."""
    _, first, second, third = _small()

    assert [line.name for line in first.lines] == ["a&b in ram", "all"]
    assert [value for _, value in first.lines[0].points] == [0, None, FULL]
    assert [line.name for line in second.lines] == ["filter"]
    assert third.lines == ()


def test_a_query_without_an_answer_is_an_error() -> None:
    """A picture never lacks a panel's data silently: the recording is of another dashboard."""
    with pytest.raises(ValueError, match="1 queries, 0 answers"):
        panels(SMALL, {**ANSWERS, "2": []})


def test_lines_are_where_their_values_are() -> None:
    """The largest value at the top, zero at the bottom; a gap where no value is."""
    drawn = graph(_small()[1], SPAN)

    assert [mark.text for mark in drawn.rows] == ["0 GiB", "1 GiB", "2 GiB"]
    assert (drawn.rows[0].at, drawn.rows[-1].at) == (drawn.bottom, drawn.top)
    start, end = f"M{drawn.left} {drawn.bottom}", f"M{drawn.right} {drawn.top}"
    assert drawn.paths[0] == start + end
    assert drawn.paths[1].startswith(f"M{drawn.left} {drawn.top}L")
    assert all(drawn.left <= mark.at <= drawn.right for mark in drawn.times)
    assert drawn.times


def test_the_page_has_every_panel_in_its_place() -> None:
    """Titles are escaped; a panel without data says so; a number shows its last value."""
    html = page("A & B", _small(), SPAN)

    assert "<h1>A &amp; B</h1>" in html
    assert ">Mail</h2>" in html
    for number in range(3):
        assert f"<h3>Panel &lt;{number}&gt;</h3>" in html
        assert f"left: {8 * number * COLUMN + 4}px; top: {LINE + 4}px" in html
    assert "<dt>filter</dt><dd>2 h</dd>" in html
    assert html.count("No data") == 1
    assert "a&amp;b in ram" in html
    svg = html[html.index("<svg") : html.index("</svg>") + 6]
    assert len(ET.fromstring(svg).findall("path")) == 2


def test_our_dashboard_can_be_drawn() -> None:
    """A new panel appears by itself, also one whose query has no answer yet."""
    dashboard = json.loads(DASHBOARD.read_text())
    empty: dict[str, list[list[Any]]] = {
        str(p["id"]): [[] for _ in p.get("targets", ())] for p in dashboard["panels"]
    }
    html = page(dashboard["title"], panels(dashboard, empty), SPAN)

    kinds = [panel["type"] for panel in dashboard["panels"]]
    assert html.count("No data") == len(kinds) - kinds.count("row")
    assert html.count("<h2") == kinds.count("row")


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [
        ("s", 0.0042, "4.2 ms"),
        ("s", 90, "1.5 min"),
        ("s", 86400 * 89, "89 d"),
        ("bytes", 1536, "1.5 KiB"),
        ("percentunit", 0.423, "42.3%"),
        ("ops", 2.5, "2.5/s"),
        ("none", 12345, "12345"),
        ("none", 0, "0"),
        ("s", 0, "0 s"),
        ("parsecs", 3, "3 parsecs"),
    ],
)
def test_numbers_have_the_unit_of_their_panel(unit: str, value: float, text: str) -> None:
    """A unit that the script does not know is shown as it is."""
    assert scale(unit, value).text(value) == text


@pytest.mark.parametrize(
    ("low", "high", "marks"),
    [
        (0, 1, [0, 0.5, 1]),
        (0, 7, [0, 5, 10]),
        (0, 0.03, [0, 0.01, 0.02, 0.03]),
        (-2, 2, [-2, 0, 2]),
    ],
)
def test_axes_have_round_numbers(low: float, high: float, marks: list[float]) -> None:
    """From at most the smallest to at least the largest value."""
    assert ticks(low, high, 3) == pytest.approx(marks)
