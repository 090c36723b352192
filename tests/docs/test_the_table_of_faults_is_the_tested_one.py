"""docs/operate/faults.md shows the table that test_every_fault_is_named.py provokes.

`UPDATE_GOLDEN=1 pytest tests/docs` writes it.
"""

import json
import os
from pathlib import Path

from fault_table.alerts import RULES
from fault_table.table import FAULTS, HEAD, markdown

PAGE = Path(__file__).parents[2] / "docs" / "operate" / "faults.md"


def test_the_page_has_the_table() -> None:
    """At its end."""
    text = PAGE.read_text()
    before = text.partition(f"| {HEAD[0]} |")[0]
    if os.environ.get("UPDATE_GOLDEN"):
        PAGE.write_text(before + markdown())

    assert PAGE.read_text() == before + markdown(), "run UPDATE_GOLDEN=1 pytest tests/docs"


def test_there_are_twenty_faults_and_more() -> None:
    """Each has a name of its own, a metric, and an alert that exists."""
    rules = [rule for group in json.loads(RULES.read_text())["groups"] for rule in group["rules"]]
    alerts = {rule["alert"] for rule in rules}

    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 20
    assert {fault.alert for fault in FAULTS} <= alerts
    assert all(fault.metric.startswith("chatmail_") for fault in FAULTS)


def test_each_repair_begins_with_its_command_or_names_it() -> None:
    """What a lab runs is what the operator reads."""
    assert [fault.name for fault in FAULTS if fault.command not in fault.repair] == []
