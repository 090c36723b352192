"""After all other scenarios: no daemon has crashed in any of them."""

from __future__ import annotations

import pytest
from chatmail_testkit.relays.lab import LabTarget

pytestmark = pytest.mark.remembers

# scenarios kill by SIGKILL and SIGTERM; the others are faults of a daemon, or of a library of ours
CRASHES = (
    "killed with signal (6|7|8|11)|code=(dumped|killed), status=(6|7|8|11)"
    "|terminated by signal (6|7|8|11)|Traceback \\(most recent call last\\)|panic: "
)


def test_in_any_scenario(lab: LabTarget, request: pytest.FixtureRequest) -> None:
    """Sessions would end, and mail wait, without a failing test."""
    untrusted = [name for name in request.config.getoption("--untrusted").split(",") if name]
    journal = f"journalctl --no-pager | grep --extended-regexp '{CRASHES}' || true"
    crashed = {
        name: lab.machine(name).run("sh", "-c", journal) for name in [*lab.relays, *untrusted]
    }
    assert {name: lines for name, lines in crashed.items() if lines} == {}
