"""After all other scenarios: no daemon has crashed in any of them."""

from __future__ import annotations

import pytest
from chatmail_testkit.relays.target import Machine

pytestmark = pytest.mark.remembers

# scenarios kill by SIGKILL and SIGTERM; the others are faults of a daemon, or of a library of ours
CRASHES = (
    "killed with signal (6|7|8|11)|code=(dumped|killed), status=(6|7|8|11)"
    "|terminated by signal (6|7|8|11)|Traceback \\(most recent call last\\)|panic: "
)


def test_in_any_scenario(lab_machines: dict[str, Machine]) -> None:
    """Sessions would end, and mail wait, without a failing test."""
    journal = f"journalctl --no-pager | grep --extended-regexp '{CRASHES}' || true"
    crashed = {name: one.run("sh", "-c", journal) for name, one in lab_machines.items()}
    assert {name: lines for name, lines in crashed.items() if lines} == {}
