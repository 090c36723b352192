"""Every query of the dashboard returns data of a real Prometheus that reads a real relay."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.prometheus import Prometheus, filled_in, watching
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.waiting import wait_for
from conftest import PersonFactory

PACKAGE: Final = Path(__file__).resolve().parents[3] / "pkgs" / "chatmail-monitoring"
REPORT: Final = "/run/chatmail-selftest/report.json"
WITHIN_S: Final = 90
WINDOW: Final = "1m"
# the machine that runs the lab may have no such controller (cgroups); the others have data on
# several machines
MAY_BE_EMPTY: Final = {"Memory", "Stores that answer", "Look-ups of addresses"}

pytestmark = [
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not installed"),
]


@pytest.fixture
def prometheus(machine: Machine, tmp_path: Path) -> Iterator[Prometheus]:
    """Reads Alice's relay each second, with our rules."""
    with watching(machine, PACKAGE / "alerts.json", tmp_path) as found:
        yield found


def test_panels_and_alerts(
    alice: Person, bob: Person, new_person: PersonFactory, prometheus: Prometheus, machine: Machine
) -> None:
    """After a minute of use; no rule has an error."""
    wait_for(lambda: prometheus.values("up == 1"), "the first scrape", within_s=WITHIN_S)
    machine.run("mkdir", "-p", str(Path(REPORT).parent))
    # in the background: it takes half a minute on a busy machine
    machine.run("systemd-run", "--collect", "chatmail", "selftest", "--report", REPORT)
    machine.run("systemctl", "start", "chatmail-count", "chatmail-expire", "chatmail-count-queue")
    guest = new_person("b.test")
    for _ in range(5):
        alice.sends(bob, guest)
        guest.sends(alice)
    bob.receives()
    alice.receives()

    wait_for(lambda: not _empty(prometheus), "data in every panel", within_s=WITHIN_S)
    assert _empty(prometheus) == []
    groups = prometheus.get("rules")["groups"]
    health = {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}
    assert set(health.values()) == {"ok"}, health


def _panels() -> Iterator[tuple[str, str]]:
    for panel in json.loads((PACKAGE / "dashboard.json").read_text())["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], filled_in(target["expr"], WINDOW)


def _empty(prometheus: Prometheus) -> list[str]:
    """Queries without data; the numbers of an empty histogram (NaN) are answers, too."""
    found = {(title, query): prometheus.values(query) for title, query in _panels()}
    assert all(
        math.isnan(value) or value > -math.inf for values in found.values() for value in values
    )
    return [
        f"{title}: {query}"
        for (title, query), values in found.items()
        if title not in MAY_BE_EMPTY and not values
    ]
