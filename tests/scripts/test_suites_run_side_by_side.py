"""scripts/test: each suite runs once, in a lab of its own or beside others; measuring is last."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest
from checks import cluster, moving, run
from checks.lanes import Board, Job, Jobs
from checks.scenarios import (
    IN_SEVERAL,
    LAB_NAME,
    MORE_LAB_NAMES,
    disturbing_files,
    measuring_scenarios,
    quiet_scenarios,
    searching_scenarios,
    titled,
)
from checks.suites import (
    Result,
    Suite,
    evaluation_suites,
    fast_suites,
    lab_suites,
    web_suites,
)
from labs import LabFailedError

MEASURING = measuring_scenarios(LAB_NAME).title
NEED_IMAGE = {suite.title for suite in [*lab_suites(), *evaluation_suites()]}
LABS = [LAB_NAME, *MORE_LAB_NAMES]


class Machine:
    """What was done, in order; labs start and suites pass at once."""

    def __init__(self) -> None:
        self.broken: set[str] = set()
        self.up: set[str] = set()
        self.hosts: set[tuple[str, ...]] = set()
        self.begun: list[str] = []
        self.running: set[str] = set()
        self.beside_measuring: set[str] = set()
        self._lock = threading.Lock()

    def start(self, name: str, hosts: Sequence[str], *_: object, **__: object) -> None:
        """Start a lab."""
        self.hosts.add(tuple(hosts))
        if name in self.broken:
            raise LabFailedError(f"lab {name} did not come up")
        self.up.add(name)

    def stop(self, name: str) -> None:
        """Take a lab down."""
        self.up.discard(name)

    def suite(self, suite: Suite, *, capture: bool) -> tuple[Result, str]:
        """Run a suite."""
        command = suite.command
        if suite.title in NEED_IMAGE and LAB_NAME not in self.broken:
            assert LAB_NAME in self.up
        with self._lock:
            self.begun.append(suite.title)
            self.running.add(suite.title)
            if suite.title == MEASURING:
                self.beside_measuring = self.running - {MEASURING}
                assert self.up == {LAB_NAME}
        if "--name" in command:
            assert command[command.index("--name") + 1] in self.up
        time.sleep(0.002)
        with self._lock:
            self.running.remove(suite.title)
        return Result(passed=1), ""


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Instead of labs and programs."""
    made = Machine()

    def suite(self: Suite, *, capture: bool) -> tuple[Result, str]:
        return made.suite(self, capture=capture)

    def titled(title: str, *, capture: bool) -> tuple[Result, str]:
        return made.suite(Suite(title=title, command=[]), capture=capture)

    monkeypatch.setattr(Suite, "run", suite)
    for job in (cluster, moving):
        monkeypatch.setattr(job, "run", partial(titled, job.TITLE))
    monkeypatch.setattr(run, "up", made.start)
    monkeypatch.setattr(run, "down", made.stop)
    monkeypatch.setattr(run, "forget", lambda name: None)
    return made


def test_all_suites_run_once(machine: Machine) -> None:
    """The scenarios that measure have no other beside them and no other lab."""
    board = Board()

    run._everything(board)

    expected = [
        cluster.TITLE,
        moving.TITLE,
        *(suite.title for suite in [*fast_suites(), *web_suites(), quiet_scenarios(LAB_NAME)]),
        *(titled(files) for files in disturbing_files()),
        *(searching_scenarios(name).title for name in LABS),
        MEASURING,
        *NEED_IMAGE,
    ]
    assert {title: machine.begun.count(title) for title in expected} == dict.fromkeys(expected, 1)
    assert max(Counter(machine.begun).values()) == 1
    assert board.total == Result(passed=len(machine.begun))
    assert machine.beside_measuring == set()
    assert machine.begun[-2:] == [MEASURING, searching_scenarios(LAB_NAME).title]
    assert machine.up == set()


def test_all_scenarios_run_on_several_machines(machine: Machine) -> None:
    """And nothing else; a relay of several machines does not move."""
    board = Board()

    run._acceptance(board)

    expected = [
        quiet_scenarios(LAB_NAME).title,
        *(titled(files) for files in disturbing_files(in_several=True)),
        *(searching_scenarios(name).title for name in LABS),
        MEASURING,
    ]
    assert sorted(machine.begun) == sorted(expected)
    assert {hosts[: len(cluster.HOSTS)] for hosts in machine.hosts} == {cluster.HOSTS}
    assert machine.up == set()


def test_each_scenario_of_several_machines_is_run_once(machine: Machine) -> None:
    """Those of the core exist; the first lab skips those that need several machines."""
    run._everything(Board())

    assert [file for file in cluster.core_files() if not file.exists()] == []
    of_several = {file.stem.removeprefix("test_") for file in IN_SEVERAL.glob("test_*.py")}
    assert [title for title in machine.begun if of_several & {*title.split(" and ")}] == []


def test_a_lab_that_does_not_start_is_a_failure(machine: Machine) -> None:
    """Other labs take its jobs, and what needs that one lab is left out."""
    machine.broken = {MORE_LAB_NAMES[0]}
    board = Board()

    run._everything(board)

    assert board.total == Result(passed=len(machine.begun), failed=1)
    assert {titled(files) for files in disturbing_files()} <= set(machine.begun)
    assert searching_scenarios(MORE_LAB_NAMES[0]).title not in machine.begun


def test_without_the_first_lab_nothing_measures(machine: Machine) -> None:
    """All that others can do is done."""
    machine.broken = {LAB_NAME}
    board = Board()

    run._everything(board)

    assert board.total.failed == 1
    assert MEASURING not in machine.begun
    assert {titled(files) for files in disturbing_files()} <= set(machine.begun)


def test_no_lab_at_all(machine: Machine) -> None:
    """Each is a failure, and the rest is done."""
    machine.broken = set(LABS)
    board = Board()

    run._everything(board)

    assert board.total.failed == len(LABS)
    assert {suite.title for suite in fast_suites()} <= set(machine.begun)


def test_an_interrupt_ends_all_lanes(machine: Machine) -> None:
    """They finish what they do, and begin nothing."""
    board, waiting = Board(), Jobs[Job](())

    def suite(*, capture: bool) -> tuple[Result, str]:
        return machine.suite(Suite(title=f"{time.monotonic()}", command=[]), capture=capture)

    many = Jobs(Job(title="one of many", run=suite) for _ in range(10_000))
    with pytest.raises(KeyboardInterrupt), run._lanes(many, waiting) as lanes:  # noqa: PT012
        lanes.start(run._run, board, many)
        raise KeyboardInterrupt

    assert board.total.passed < 10_000


def test_the_output_of_a_failure_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """That of others is not."""
    board = Board(clock=lambda: 5.0)
    results: Sequence[tuple[Result, str]] = [
        (Result(passed=3), "quiet"),
        (Result(passed=1, failed=2), "E  assert"),
    ]
    for result, output in results:
        board.run(
            Job(title="units", run=lambda result=result, output=output, **_: (result, output))
        )

    assert board.total == Result(passed=4, failed=2)
    assert capsys.readouterr().out.splitlines() == [
        "    units: ok, 3 passed (0.0 s, at 0.0 s)",
        "    units: failed, 1 passed (0.0 s, at 0.0 s)",
        "E  assert",
    ]


def test_long_files_exist_and_come_first() -> None:
    """Labs end together when the longest begin first."""
    files = disturbing_files()

    assert len(files[0]) == 1
    flat = [file for group in files for file in group]
    assert len(flat) == len(set(flat))
    assert all(isinstance(file, Path) for file in flat)
