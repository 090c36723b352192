"""scripts/test: run all suites, show the progress, end with the total.

Most scenarios that disturb wait, and most other suites compute. So they run side by side: a lane
for each lab, and two for the suites that need none. Those that measure come last, alone.
"""

from __future__ import annotations

import itertools
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import click
from checks import cluster, moving
from checks.lanes import Board, Job, Jobs
from checks.scenarios import (
    CLASSIC,
    LAB_CONFIG,
    LAB_NAME,
    MORE_LAB_NAMES,
    RELAYS,
    UNTRUSTED_RELAYS,
    disturbing_files,
    disturbing_scenarios,
    forget,
    measuring_scenarios,
    quiet_scenarios,
    searching_scenarios,
)
from checks.suites import (
    REPORTS,
    Result,
    evaluation_suites,
    fast_suites,
    lab_suites,
    web_suites,
)
from labs import LabFailedError, down, up
from steps import say, step

FAST_AT_ONCE = 3  # some tests wait, and cores have work meanwhile
MOST_LANES = 2 + max(FAST_AT_ONCE, len(MORE_LAB_NAMES))
# A job that runs in a lab of this name.
LabJob = Callable[[str], Job]


@click.command()
@click.option("--fast", is_flag=True, help="Omit the suites that need root or the lab.")
@click.option(
    "--cluster",
    "in_several",
    is_flag=True,
    help="Run only the acceptance suite, against one domain on several machines.",
)
def main(*, fast: bool, in_several: bool) -> None:
    """Run all tests; the last line is `N passed`, or `N passed, M failed` and exit code 1."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    REPORTS.mkdir(parents=True, exist_ok=True)
    board = Board()
    if fast:
        jobs = Jobs(map(Job.of, fast_suites()))
        with step("style, types and units"), _lanes(jobs) as lanes:
            for _ in range(FAST_AT_ONCE):
                lanes.start(_run, board, jobs)
    elif in_several:
        _acceptance(board)
    else:
        _everything(board)
    result = board.total
    failed = f", {result.failed} failed" if result.failed else ""
    say(f"{result.passed} passed{failed}")
    sys.exit(1 if result.failed else 0)


def _everything(board: Board) -> None:
    """Run all suites: first all that need not be alone, each lane as soon as it can."""
    computing = Jobs(map(Job.patient, [*fast_suites(), *web_suites()]))
    with_image = Jobs(map(Job.of, [*lab_suites(), *evaluation_suites()]))
    disturbing = Jobs(_disturbing())
    with step("all suites"), _lanes(computing, with_image, disturbing) as lanes:
        lanes.start(_run, board, computing)
        # it makes the Debian image and the libraries that all others use
        with _test_lab(board, LAB_NAME, RELAYS) as is_up:
            lanes.start(_run, board, itertools.chain(with_image, computing))
            _scenarios(board, lanes, disturbing, RELAYS, is_up=is_up)


def _acceptance(board: Board) -> None:
    """Run all scenarios against one domain on several machines."""
    disturbing = Jobs(_in_labs(disturbing_files(in_several=True)))
    with (
        step("acceptance suite"),
        _lanes(disturbing) as lanes,
        _test_lab(board, LAB_NAME, cluster.HOSTS) as is_up,
    ):
        _scenarios(board, lanes, disturbing, cluster.HOSTS, is_up=is_up)


def _scenarios(
    board: Board, lanes: Lanes, disturbing: Jobs[LabJob], hosts: Sequence[str], *, is_up: bool
) -> None:
    """Run all scenarios in the first lab, if it is up, and in those that it starts."""
    for name in MORE_LAB_NAMES:
        lanes.start(_disturb, board, name, disturbing, hosts)
    if is_up:
        board.run(Job.of(quiet_scenarios(LAB_NAME)))
        _run(board, (job(LAB_NAME) for job in disturbing))
    lanes.wait()
    if is_up:
        board.run(Job.of(measuring_scenarios(LAB_NAME)))
        board.run(Job.of(searching_scenarios(LAB_NAME)))


def _run(board: Board, jobs: Iterable[Job]) -> None:
    for job in jobs:
        board.run(job)


def _disturb(board: Board, name: str, jobs: Jobs[LabJob], hosts: Sequence[str]) -> None:
    """Run jobs in a lab of their own, and search it after the last."""
    with _test_lab(board, name, hosts) as is_up:
        if is_up:
            _run(board, (job(name) for job in jobs))
            board.run(Job.of(searching_scenarios(name)))


def _disturbing() -> Sequence[LabJob]:
    """Return the jobs that need a lab to themselves, the longest first."""

    def several(_: str) -> Job:  # it has one more lab, and so has the next
        return Job(title=cluster.TITLE, run=cluster.run)

    def move(_: str) -> Job:
        return Job(title=moving.TITLE, run=moving.run)

    return [several, move, *_in_labs(disturbing_files())]


def _in_labs(groups: Iterable[Sequence[Path]]) -> Iterator[LabJob]:
    """Yield the jobs that run scenarios of these files in any lab."""

    def disturb(files: Sequence[Path], name: str) -> Job:
        return Job.of(disturbing_scenarios(name, files))

    return (partial(disturb, files) for files in groups)


class Lanes:
    """Functions that run side by side."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self._started: list[Future[None]] = []

    def start(self, lane: Callable[..., None], *arguments: object) -> None:
        """Start one more."""
        self._started.append(self._pool.submit(lane, *arguments))

    def wait(self) -> None:
        """Wait for the end of all; raises what one of them raised."""
        for lane in self._started:
            lane.result()


@contextmanager
def _lanes(*queues: Jobs[Job] | Jobs[LabJob]) -> Iterator[Lanes]:
    """Yield what starts lanes; waits for them at the end, which comes early after an error."""
    with ThreadPoolExecutor(MOST_LANES) as pool:
        lanes = Lanes(pool)
        try:
            yield lanes
            lanes.wait()
        finally:
            for queue in queues:
                queue.drop()


@contextmanager
def _test_lab(board: Board, name: str, hosts: Sequence[str]) -> Iterator[bool]:
    """Start a lab, and always take it down; yields whether it is up."""
    forget(name)
    try:
        is_up = True
        try:
            relays = (*hosts, *UNTRUSTED_RELAYS)
            # on a new machine the first lab makes the Debian image for minutes
            is_first = name == LAB_NAME
            up(name, relays, LAB_CONFIG, classics=[CLASSIC], is_shown=is_first)
        except LabFailedError as error:
            is_up = False
            board.note(f"lab {name}", Result(failed=1), str(error), took_s=0)
        yield is_up
    finally:
        down(name)


if __name__ == "__main__":
    main()
