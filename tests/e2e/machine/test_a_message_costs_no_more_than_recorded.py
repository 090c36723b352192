"""A login and a message cost each daemon no more than recorded: system calls, syncs, round trips.

None of these depends on how fast or busy the machine is. After a change that is worth its cost,
`UPDATE_GOLDEN=1` records it anew; the diff of the file shows what it costs.
`scripts/bench model --programs` shows the same by program.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

# of scripts/lib, which a NixOS machine that runs this suite does not have
model = pytest.importorskip("bench.costs.model")
sides = pytest.importorskip("bench.sides")

RECORDED = Path(__file__).with_name("costs.json")
CONFIG = Path(__file__).parents[1] / "lab.nix"
TIMES = 20
WORKS = (
    model.logins(TIMES),
    model.one_after_the_other("local", TIMES),
    model.one_after_the_other("far", TIMES, "--to", sides.RELAYS[1]),
)
# For each kind: a share of what is recorded, and a number more. System calls vary by how often a
# program finds nothing to read; the others by work of timers alone.
MARGINS = {"system_calls": (0.10, 5.0), "disk_syncs": (0.0, 0.3), "round_trips": (0.05, 0.5)}

Costs = Mapping[str, Mapping[str, float]]  # by kind, then by unit


@pytest.mark.measures
@pytest.mark.one_machine("the costs are recorded for one machine, where no step has a tunnel")
@pytest.mark.parametrize("work", WORKS, ids=lambda work: work.name)
def test_no_daemon_works_more(work: Any, pytestconfig: pytest.Config) -> None:
    """Beyond the margin; a daemon that is not recorded is one that did nothing."""
    side = sides.Side(lab=pytestconfig.getoption("--lab"), config=CONFIG)
    found = _counted(side, work)
    recorded: dict[str, Costs] = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    if os.environ.get("UPDATE_GOLDEN"):
        recorded[work.name] = _rounded(found)
        RECORDED.write_text(json.dumps(recorded, indent=2, sort_keys=True) + "\n")

    exceeded = _exceeded(found, recorded[work.name])
    if exceeded:  # a daemon's own work in between, such as the start of a process, does not repeat
        exceeded = _exceeded(_counted(side, work), recorded[work.name])
    assert exceeded == []


def _counted(side: Any, work: Any) -> Costs:
    units: Costs = model.counted(side, work).units
    return {kind: units[kind] for kind in MARGINS}


def _rounded(found: Costs) -> Costs:
    return {
        kind: {unit: round(value, 1) for unit, value in units.items() if value >= 0.05}
        for kind, units in found.items()
    }


def _exceeded(found: Costs, recorded: Costs) -> list[str]:
    """Return a sentence for each daemon that does more than its limit."""
    sentences = []
    for kind, (share, more) in MARGINS.items():
        for unit, value in found[kind].items():
            then = recorded[kind].get(unit, 0.0)
            if value > then * (1 + share) + more:
                sentences.append(f"{unit}: {value:.1f} {kind}, recorded are {then:.1f}")
    return sentences
