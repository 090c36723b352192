"""scripts/test: runs every check, shows the progress, and ends with the sum."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

import click
from labs import LabFailedError, lab, python
from steps import say, step
from suites import (
    CLASSIC,
    LAB_CONFIG,
    LAB_NAME,
    RELAYS,
    REPORTS,
    UNTRUSTED_RELAYS,
    Result,
    Suite,
    acceptance_suites,
    evaluation_suites,
    fast_suites,
    lab_suites,
    web_suites,
)

AT_ONCE = 2


@click.command()
@click.option("--fast", is_flag=True, help="Leave out what needs root or the lab.")
def main(*, fast: bool) -> None:
    """Run all tests; the last line is `N passed`, or `N passed, M failed` with exit code 1."""
    REPORTS.mkdir(parents=True, exist_ok=True)
    result = _captured(fast_suites())
    if not fast:
        for suite in web_suites():
            result += _shown(suite)
        result += _in_lab()
    failed = f", {result.failed} failed" if result.failed else ""
    say(f"{result.passed} passed{failed}")
    sys.exit(1 if result.failed else 0)


def _captured(suites: Sequence[Suite]) -> Result:
    """Runs suites side by side; shows what a failed one printed."""
    total = Result()
    start_s = time.monotonic()
    with step("style, types and units"), ThreadPoolExecutor(AT_ONCE) as pool:
        running = {pool.submit(suite.run, capture=True): suite for suite in suites}
        for done in as_completed(running):
            result, printed = done.result()
            total += result
            mark = "failed" if result.failed else "ok"
            count = f", {result.passed} passed" if result.passed else ""
            elapsed_s = time.monotonic() - start_s
            say(f"    {running[done].title}: {mark}{count} (at {elapsed_s:.1f} s)")
            if result.failed:
                say(printed)
    return total


def _in_lab() -> Result:
    """Runs what needs the lab's Debian root, then what needs its relays."""
    total = Result()
    try:
        hosts = (*RELAYS, *UNTRUSTED_RELAYS)
        with step("lab"), lab(LAB_NAME, hosts, LAB_CONFIG, classics=[CLASSIC]):
            for suite in [*evaluation_suites(), *lab_suites()]:
                total += _shown(suite)
            for suite in acceptance_suites():
                total += _shown(
                    dataclasses.replace(suite, command=python(LAB_NAME, *suite.command[1:]))
                )
    except LabFailedError as error:
        say(str(error))
        total += Result(failed=1)
    return total


def _shown(suite: Suite) -> Result:
    with step(suite.title):
        result, printed = suite.run(capture=False)
        if printed:
            say(printed)
    return result


if __name__ == "__main__":
    main()
