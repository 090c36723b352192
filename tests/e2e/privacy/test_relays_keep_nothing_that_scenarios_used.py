"""After all other scenarios, what they used is only where a relay has to keep it.

All files, the journal, the arguments of processes and metrics are searched for addresses,
passwords, device tokens, invites, subjects and the clients' IP addresses.
`chatmail_testkit/traces/places.py` has the allowed places.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.traces.ledger import VARIABLE, Secret, read
from chatmail_testkit.traces.places import Find, faults
from chatmail_testkit.traces.search import Found, search

# 40,000 secrets and four hosts
pytestmark = pytest.mark.remembers

AT_ONCE = 2
EXAMPLES = 3


@pytest.fixture(scope="module")
def used() -> set[Secret]:
    """What the scenarios before used."""
    ledger = Path(os.environ.get(VARIABLE, "/nowhere"))
    if not ledger.exists():
        pytest.skip("needs --ledger, and the other scenarios before with the same one")
    return read(ledger)


def test_nothing_is_left_elsewhere(
    used: set[Secret], lab_machines: dict[str, Machine], relay: str
) -> None:
    """Nothing at all of addresses that were deleted, but in messages of others."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        searched = pool.map(lambda machine: _after_the_night(machine, used), lab_machines.values())
        found = dict(zip(lab_machines, searched, strict=True))

    assert found[relay].finds, "the search is blind"
    told = {name: _told(faults(one.finds, one.accounts)) for name, one in found.items()}
    assert {name: lines for name, lines in told.items() if lines} == {}


def _after_the_night(machine: Machine, secrets: set[Secret]) -> Found:
    """The daily run removes cached headers of messages that clients deleted."""
    machine.run("systemctl", "start", "chatmail-expire")
    return search(machine, secrets)


def _told(finds: Sequence[Find]) -> list[str]:
    """How many of each kind, and some examples."""
    counts = Counter(find.kind for find in finds)
    examples = [f"{one.kind} {one.value} in {one.place}: {one.context}" for one in finds]
    return [*(f"{count} of kind {kind}" for kind, count in counts.items()), *examples[:EXAMPLES]]
