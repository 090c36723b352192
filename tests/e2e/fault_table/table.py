"""All faults, and the table of docs/operate/faults.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fault_table import machine, network
from fault_table.fault import Fault

FAULTS: Final = (*machine.FAULTS, *network.FAULTS)
HEAD: Final = ("fault", "what `chatmail status` says", "repair", "metric", "alert")


def markdown() -> str:
    """The table as Markdown."""
    rows = [HEAD, ("---",) * len(HEAD), *map(_cells, FAULTS)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _cells(fault: Fault) -> Iterator[str]:
    yield fault.name
    yield f"{'note' if fault.is_note else 'wrong'}: {_escaped(fault.sentence)}"
    yield _escaped(fault.repair)
    yield f"`{fault.metric}`"
    yield fault.alert


def _escaped(text: str) -> str:
    """The text with `|` and `<`, which have a meaning in tables."""
    return text.replace("|", "\\|").replace("<", "&lt;")
