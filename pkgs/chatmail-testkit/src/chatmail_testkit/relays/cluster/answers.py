"""The answers of several machines as one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

EMPTY_QUEUE: Final = "Mail queue is empty\n"
# a line of metrics (https://prometheus.io/docs/instrumenting/exposition_formats/)
_SAMPLE: Final = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(\{.*\})? (\S+)")


def joined(answers: Sequence[str]) -> str:
    """Returns one text; a queue is empty if all are."""
    if answers and all("# TYPE " in answer for answer in answers):
        return added_up(answers)
    if not any(EMPTY_QUEUE in answer for answer in answers):
        return "".join(answers)
    filled = [answer.replace(EMPTY_QUEUE, "") for answer in answers]
    return "".join(filled) if any("Queue ID" in one for one in filled) else answers[0]


def added_up(pages: Sequence[str]) -> str:
    """Returns one page of metrics: sums, but the least of what is up and the latest time."""
    comments: dict[str, None] = {}
    families: dict[str, dict[str, float]] = {}
    for page in pages:
        family = ""
        for line in page.splitlines():
            if line.startswith("# "):
                comments[line] = None
                family = line.split()[2]
            elif match := _SAMPLE.fullmatch(line):
                series = families.setdefault(family, {})
                key, value = f"{match[1]}{match[2] or ''}", float(match[3])
                series[key] = _both(match[1], series[key], value) if key in series else value
    lines: list[str] = []
    for family, series in families.items():
        lines += [line for line in comments if line.split()[2] == family]
        lines += [f"{key} {value:.16g}" for key, value in series.items()]
    return "\n".join(lines) + "\n"


def _both(name: str, left: float, right: float) -> float:
    if name.endswith("_up"):
        return min(left, right)
    return max(left, right) if "timestamp" in name else left + right
