"""The commands of the pages for operators work in their order, and print what the page shows."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.waiting import wait_for

from handbook.commands import commands, once
from handbook.known import ADDRESS, DOMAIN, OTHER, PAGES
from handbook.session import typed

pytestmark = [
    pytest.mark.disturbs,
    pytest.mark.one_machine("the pages are typed on one machine"),
]

DOCS = Path(__file__).resolve().parents[3] / "docs"


@pytest.fixture(autouse=True)
def _well(machine: Machine) -> None:
    """The selftest finds no fault, a backup was made, the queue is empty; others may differ."""
    machine.run("postsuper", "-d", "ALL")
    # the lab's configuration enables backups, and a relay without one is not well
    machine.run("chatmail", "backup", "create", "--init")
    selftest = ("sh", "-c", "chatmail selftest || true")
    wait_for(
        lambda: "the relay is well" in machine.run(*selftest), "a relay that is well", within_s=60
    )


def test_an_operator_types_them_all(machine: Machine, alice: Person) -> None:
    """As root, on a relay with an address and a message that waits."""
    nowhere = f"{secrets.token_hex(6)}.trap.test"
    alice.sends(f"somebody1@{nowhere}")
    found = [command for page in PAGES for command in commands(page, (DOCS / page).read_text())]
    wanted = [command for command in once(found) if not command.is_listed]

    results = typed(machine, wanted, {DOMAIN: alice.domain, ADDRESS: alice.address, OTHER: nowhere})

    faults = [result.fault for result in results if result.fault]
    assert faults == [], "\n\n".join(faults)
