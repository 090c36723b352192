"""scripts/test: run all suites, show the progress, end with the total."""

from __future__ import annotations

import queue
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path
from typing import Protocol

import click
from checks import moving
from checks.suites import (
    CLASSIC,
    LAB_CONFIG,
    LAB_NAME,
    MORE_LAB_NAMES,
    RELAYS,
    REPORTS,
    UNTRUSTED_RELAYS,
    Result,
    Suite,
    disturbing_files,
    disturbing_scenarios,
    evaluation_suites,
    fast_suites,
    forget,
    lab_suites,
    measuring_scenarios,
    quiet_scenarios,
    searching_scenarios,
    titled,
    web_suites,
)
from labs import LabFailedError, lab
from steps import say, step

FAST_AT_ONCE = 3  # some tests wait, and cores have work meanwhile


class Run(Protocol):
    """Runs a suite; returns its result and, with `capture`, its output."""

    def __call__(self, *, capture: bool) -> tuple[Result, str]: ...


@click.command()
@click.option("--fast", is_flag=True, help="Omit the suites that need root or the lab.")
def main(*, fast: bool) -> None:
    """Run all tests; the last line is `N passed`, or `N passed, M failed` and exit code 1."""
    REPORTS.mkdir(parents=True, exist_ok=True)
    with step("style, types and units"):
        result = _side_by_side([(suite.title, suite.run) for suite in fast_suites()], FAST_AT_ONCE)
    if not fast:
        result += _in_labs()
    failed = f", {result.failed} failed" if result.failed else ""
    say(f"{result.passed} passed{failed}")
    sys.exit(1 if result.failed else 0)


def _side_by_side(tasks: Sequence[tuple[str, Run]], at_once: int) -> Result:
    """Run several tasks at a time; show the output of those that fail."""
    total = Result()
    start_s = time.monotonic()
    with ThreadPoolExecutor(at_once) as pool:
        running = {pool.submit(run, capture=True): title for title, run in tasks}
        for done in as_completed(running):
            result, output = done.result()
            total += result
            mark = "failed" if result.failed else "ok"
            count = f", {result.passed} passed" if result.passed else ""
            elapsed_s = time.monotonic() - start_s
            say(f"    {running[done]}: {mark}{count} (at {elapsed_s:.1f} s)")
            if result.failed:
                say(output)
    return total


def _in_labs() -> Result:
    """Run the suites that need the lab: its Debian image or its relays."""
    total = Result()
    try:
        with step("lab"), _test_lab(LAB_NAME):
            # none uses this lab; browsers work while others wait for machines that boot
            beside = [*web_suites(), *lab_suites(), *evaluation_suites()]
            with step("tests of the web pages, the lab and the configuration"):
                total += _side_by_side([(suite.title, suite.run) for suite in beside], len(beside))
            total += _shown(quiet_scenarios(LAB_NAME))
            with step("scenarios that disturb, in several labs"), ExitStack() as more:
                for name in MORE_LAB_NAMES:
                    more.enter_context(_test_lab(name))
                labs = [LAB_NAME, *MORE_LAB_NAMES]
                # the longest first; a move has a lab of its own
                tasks = [(moving.TITLE, moving.run), *_disturbing(labs)]
                total += _side_by_side(tasks, len(labs))
                for name in MORE_LAB_NAMES:
                    total += _shown(searching_scenarios(name))
            for suite in [measuring_scenarios(LAB_NAME), searching_scenarios(LAB_NAME)]:
                total += _shown(suite)
    except LabFailedError as error:
        say(str(error))
        total += Result(failed=1)
    return total


def _test_lab(name: str) -> AbstractContextManager[None]:
    forget(name)
    return lab(name, (*RELAYS, *UNTRUSTED_RELAYS), LAB_CONFIG, classics=[CLASSIC])


def _disturbing(labs: Sequence[str]) -> list[tuple[str, Run]]:
    """Return a task for each group of files; a task has its lab to itself while it runs."""
    free: queue.Queue[str] = queue.Queue()
    for name in labs:
        free.put(name)

    def run(files: Sequence[Path], *, capture: bool) -> tuple[Result, str]:
        name = free.get()
        try:
            return disturbing_scenarios(name, files).run(capture=capture)
        finally:
            free.put(name)

    return [(titled(files), partial(run, files)) for files in disturbing_files()]


def _shown(suite: Suite) -> Result:
    with step(suite.title):
        result, output = suite.run(capture=False)
        if output:
            say(output)
    return result


if __name__ == "__main__":
    main()
