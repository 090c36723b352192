"""Cost models as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from bench.costs.model import CPU, KINDS, UNITS, Model
from steps import say

_TITLES: Final = {
    CPU: "CPU us",
    "system_calls": "system calls",
    "disk_syncs": "disk syncs",
    "bytes_written": "bytes written",
    "directory_changes": "directory changes",
    "round_trips": "round trips",
}
_LEAST: Final = 0.05  # programs that did less are left out

Found = Mapping[str, Mapping[str, Model]]  # by work, then by lab


def print_models(found: Found, *, programs: bool) -> None:
    """Print a line for each work, kind and side, and on demand one for each program."""
    say("")
    units = "".join(f"{unit.removeprefix('chatmail-'):>11}" for unit in UNITS)
    say(f"{'':42}{units}{'all':>11}")
    for work, sides in found.items():
        for kind in (CPU, *KINDS):
            for lab, model in sides.items():
                cells = [model.units[kind].get(unit, 0.0) for unit in UNITS]
                title = f"{work}, {_TITLES[kind]}, {lab.removeprefix('bench-')}"
                say(f"{title:42}" + "".join(f"{cell:11.1f}" for cell in [*cells, sum(cells)]))
    if programs:
        _print_programs(found)


def _print_programs(found: Found) -> None:
    for work, sides in found.items():
        labs = list(sides)
        say("")
        say(f"{work:38}" + "".join(f"{_TITLES[kind]:>20}" for kind in (CPU, *KINDS)))
        names = sorted({name for model in sides.values() for name in model.programs[KINDS[0]]})
        for name in names:
            for lab in labs:
                values = [sides[lab].programs[kind].get(name, 0.0) for kind in (CPU, *KINDS)]
                if max(values) >= _LEAST:
                    title = f"{name}, {lab.removeprefix('bench-')}"
                    say(f"{title:38}" + _cells(values))


def _cells(values: Sequence[float]) -> str:
    return "".join(f"{value:20.2f}" for value in values)


def sums(found: Found) -> dict[str, dict[str, float]]:
    """Return the sums of all daemons: {WORK.KIND: {SIDE: …}}."""
    return {
        f"{work}.{kind}": {
            lab.removeprefix("bench-"): round(model.total(kind), 2) for lab, model in sides.items()
        }
        for work, sides in found.items()
        for kind in (CPU, *KINDS)
    }
