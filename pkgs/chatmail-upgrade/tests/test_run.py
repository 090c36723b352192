"""Upgrades of a machine in memory: which system stays, and which is never activated."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chatmail_upgrade.decision import Health, Outcome, Report
from chatmail_upgrade.history import History
from chatmail_upgrade.machine import ActivationError
from chatmail_upgrade.run import recover, upgrade
from chatmail_upgrade.source import BuildError

NOW = datetime(2026, 11, 22, 4, 40, tzinfo=UTC)
OLD, NEW = "/nix/store/a-old", "/nix/store/b-new"


@dataclass
class MemoryMachine:
    """A machine whose systems are names; `sick` has the checks that a system fails."""

    newest: str | BuildError = NEW
    sick: dict[str, dict[str, str]] = field(default_factory=dict)
    checks: tuple[str, ...] = ("send",)
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

    def activate(self, system: str) -> None:
        self.activated.append(system)
        self.now_running = system
        if system in self.unbootable:
            raise ActivationError("units failed")

    def make_default(self, system: str) -> None:
        if system in self.cannot_boot:
            raise ActivationError("the boot partition is full")
        self.boots = system

    def health(self, *, within_s: float = 0.0, before: Health | None = None) -> Health:
        failed = self.sick.get(self.now_running, {})
        return Health(failed=failed, well=frozenset(self.checks) - failed.keys())


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(directory=tmp_path / "upgrade")


def run(machine: MemoryMachine, history: History) -> Report:
    return upgrade(machine, history, now=NOW, start_s=0)


def test_a_working_system_stays(history: History) -> None:
    """The candidate is activated, tested, and booted from then on."""
    machine = MemoryMachine()

    report = run(machine, history)

    assert (report.outcome, machine.now_running, machine.boots) == (Outcome.KEPT, NEW, NEW)
    assert history.on_trial() is None


def test_a_broken_system_is_returned(history: History) -> None:
    """A failed check activates the previous system again; the boot default never changed."""
    machine = MemoryMachine(sick={NEW: {"send": "550 no"}})

    report = run(machine, history)

    assert (report.outcome, machine.now_running, machine.boots) == (Outcome.RETURNED, OLD, OLD)
    assert report.reason == "send: 550 no"
    assert history.rejected() == NEW


@pytest.mark.parametrize(
    ("check", "well_before", "outcome"),
    [
        ("mxdeliv-out", True, Outcome.RETURNED),
        ("port-25-out", False, Outcome.KEPT),
        ("reverse-name", False, Outcome.KEPT),
    ],
)
def test_what_worked_before_must_work(
    history: History, check: str, well_before: bool, outcome: Outcome
) -> None:
    """A broken transport sends the system back; what the provider blocks all the time does not."""
    before = {} if well_before else {check: "blocked"}
    machine = MemoryMachine(sick={OLD: before, NEW: {check: "blocked"}}, checks=("login", check))

    assert run(machine, history).outcome == outcome


@pytest.mark.parametrize("obstacle", ["unbootable", "cannot_boot"])
def test_a_system_that_cannot_be_activated_is_returned(history: History, obstacle: str) -> None:
    """The same for a failed activation and for a failed boot loader."""
    machine = MemoryMachine(**{obstacle: {NEW}})  # type: ignore[arg-type]

    report = run(machine, history)

    assert (report.outcome, machine.now_running, machine.boots) == (Outcome.RETURNED, OLD, OLD)


def test_a_failed_build_activates_nothing(history: History) -> None:
    """The report has the end of the build's output."""
    machine = MemoryMachine(newest=BuildError("attribute 'x' missing"))

    report = run(machine, history)

    assert (report.outcome, report.reason) == (Outcome.BUILD_FAILED, "attribute 'x' missing")
    assert machine.activated == []


def test_a_failed_system_is_not_tried_again(history: History) -> None:
    """The next night, the same system is not activated."""
    machine = MemoryMachine(sick={NEW: {"send": "550 no"}})
    run(machine, history)
    machine.activated.clear()

    report = run(machine, history)

    assert (report.outcome, machine.activated) == (Outcome.KNOWN_BAD, [])


def test_the_running_system_is_not_activated_again(history: History) -> None:
    """Nothing is done if nothing is new."""
    machine = MemoryMachine(newest=OLD)

    assert run(machine, history).outcome == Outcome.UNCHANGED
    assert machine.activated == []


def test_an_old_failure_does_not_block_an_upgrade(history: History) -> None:
    """A check that failed before does not count."""
    failure = {"push": "notification server unreachable"}
    machine = MemoryMachine(sick={OLD: failure, NEW: failure})

    assert run(machine, history).outcome == Outcome.KEPT


def test_a_failed_return_is_reported_as_stuck(history: History) -> None:
    """Only then an operator must help."""
    machine = MemoryMachine(unbootable={NEW, OLD}, sick={OLD: {"login": "refused"}})

    report = run(machine, history)

    assert report.outcome == Outcome.STUCK
    assert not report.outcome.success


def test_an_interrupted_trial_is_undone(history: History) -> None:
    """An upgrade that was killed after the activation; `recover` returns."""
    machine = MemoryMachine(now_running=NEW)
    history.begin_trial(OLD)

    assert recover(machine, history)
    assert machine.now_running == OLD
    assert not recover(machine, history)
