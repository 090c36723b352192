"""Upgrades on a machine in memory: what stays, what is sent back, what is never activated."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chatmail_nixos.upgrade.decision import Health, Outcome, Report, broken_by_upgrade
from chatmail_nixos.upgrade.history import REPORTS_KEPT, History
from chatmail_nixos.upgrade.machine import ActivationError, BuildError
from chatmail_nixos.upgrade.run import settle, upgrade

NOW = datetime(2026, 11, 22, 4, 40, tzinfo=UTC)
OLD, NEW = "/nix/store/a-old", "/nix/store/b-new"


@dataclass
class MemoryMachine:
    """A machine whose systems are names; `sick` says which checks a system fails."""

    newest: str | BuildError = NEW
    sick: dict[str, dict[str, str]] = field(default_factory=dict)
    unbootable: set[str] = field(default_factory=set)
    cannot_boot: set[str] = field(default_factory=set)
    now_running: str = OLD
    boots: str = OLD
    activated: list[str] = field(default_factory=list)

    def running(self) -> str:
        return self.now_running

    def build(self) -> str:
        if isinstance(self.newest, BuildError):
            raise self.newest
        return self.newest

    def try_out(self, system: str) -> None:
        self.activated.append(system)
        self.now_running = system
        if system in self.unbootable:
            raise ActivationError("units failed")

    def adopt(self, system: str) -> None:
        if system in self.cannot_boot:
            raise ActivationError("the boot partition is full")
        self.boots = system

    def health(self, *, settle_s: float = 0.0) -> Health:
        return Health(failed=self.sick.get(self.now_running, {}))


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(directory=tmp_path / "upgrade")


def run(machine: MemoryMachine, history: History) -> Report:
    return upgrade(machine, history, now=NOW, settle_s=0)


def test_a_healthy_system_stays_and_boots(history: History) -> None:
    """The candidate is activated, measured, and made the one that boots."""
    machine = MemoryMachine()

    report = run(machine, history)

    assert (report.outcome, machine.now_running, machine.boots) == (Outcome.KEPT, NEW, NEW)
    assert history.on_trial() is None


def test_a_sick_system_is_sent_back(history: History) -> None:
    """A failed gate brings the previous system back; what boots never changed."""
    machine = MemoryMachine(sick={NEW: {"send": "550 no"}})

    report = run(machine, history)

    assert (report.outcome, machine.now_running, machine.boots) == (Outcome.RETURNED, OLD, OLD)
    assert report.reason == "send: 550 no"
    assert history.rejected() == NEW


@pytest.mark.parametrize("obstacle", ["unbootable", "cannot_boot"])
def test_a_system_that_cannot_be_activated_is_sent_back(history: History, obstacle: str) -> None:
    """Neither a failed activation nor a failed boot loader leaves the new system running."""
    machine = MemoryMachine(**{obstacle: {NEW}})  # type: ignore[arg-type]

    report = run(machine, history)

    assert (report.outcome, machine.now_running, machine.boots) == (Outcome.RETURNED, OLD, OLD)


def test_a_failed_build_activates_nothing(history: History) -> None:
    """The report carries the end of the build's output."""
    machine = MemoryMachine(newest=BuildError("attribute 'x' missing"))

    report = run(machine, history)

    assert (report.outcome, report.reason) == (Outcome.BUILD_FAILED, "attribute 'x' missing")
    assert machine.activated == []


def test_a_system_that_was_sent_back_is_not_tried_again(history: History) -> None:
    """The second night with the same bad system disturbs nobody."""
    machine = MemoryMachine(sick={NEW: {"send": "550 no"}})
    run(machine, history)
    machine.activated.clear()

    report = run(machine, history)

    assert (report.outcome, machine.activated) == (Outcome.KNOWN_BAD, [])


def test_the_running_system_is_not_activated_again(history: History) -> None:
    """Nothing new, nothing done."""
    machine = MemoryMachine(newest=OLD)

    assert run(machine, history).outcome == Outcome.UNCHANGED
    assert machine.activated == []


def test_old_troubles_do_not_keep_a_new_system_away(history: History) -> None:
    """A check that failed before says nothing about the new system."""
    trouble = {"push": "notifier out of reach"}
    machine = MemoryMachine(sick={OLD: trouble, NEW: trouble})

    assert run(machine, history).outcome == Outcome.KEPT


def test_a_return_that_fails_is_reported_as_stuck(history: History) -> None:
    """Only then an operator must come."""
    machine = MemoryMachine(unbootable={NEW, OLD}, sick={OLD: {"login": "refused"}})

    report = run(machine, history)

    assert report.outcome == Outcome.STUCK
    assert not report.outcome.success


def test_a_trial_that_was_cut_off_is_undone(history: History) -> None:
    """The upgrade was killed after the activation: the next step returns."""
    machine = MemoryMachine(now_running=NEW)
    history.begin_trial(OLD)

    assert settle(machine, history)
    assert machine.now_running == OLD
    assert not settle(machine, history)


def test_reports_are_kept_and_pruned(history: History) -> None:
    """The last report has a fixed name; the dated ones do not grow without end."""
    for day in range(1, REPORTS_KEPT + 5):
        history.keep(Report(outcome=Outcome.KEPT, started=f"2026-11-{day:02d}", previous=OLD))

    kept = sorted(path.stem for path in (history.directory / "reports").iterdir())
    last = json.loads((history.directory / "last-report.json").read_text())
    assert kept[-1] == last["started"] == f"2026-11-{REPORTS_KEPT + 4}"
    assert len(kept) == REPORTS_KEPT


def test_only_new_failures_count() -> None:
    """A check that failed before is not held against the new system."""
    before = Health(failed={"push": "out of reach"})
    after = Health(failed={"push": "out of reach", "login": "refused"})

    assert broken_by_upgrade(before, after) == {"login": "refused"}


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"checks": []}', '{"checks": [{}]}'])
def test_an_unreadable_report_is_a_failure(text: str) -> None:
    """A gate that says nothing has not passed."""
    assert not Health.from_report(text).passed


def test_a_report_is_read() -> None:
    """Warnings do not fail the gate."""
    checks = [
        {"name": "login", "outcome": "passed", "detail": "12 ms"},
        {"name": "push", "outcome": "warned", "detail": "no answer"},
        {"name": "send", "outcome": "failed", "detail": "550"},
    ]

    assert Health.from_report(json.dumps({"checks": checks})).failed == {"send": "550"}
