"""Jobs of scripts/test in lanes: a lane takes the next job of a queue when its last one ended."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from checks.suites import Result, Suite
from steps import say

Item = TypeVar("Item")
NICENESS = 5  # of suites that only compute: scenarios beside them have deadlines


class Run(Protocol):
    """Runs a suite; returns its result and, with `capture`, its output."""

    def __call__(self, *, capture: bool) -> tuple[Result, str]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a lane does at a time."""

    title: str
    run: Run

    @classmethod
    def of(cls, suite: Suite) -> Job:
        """Return the job that runs a suite."""
        return cls(title=suite.title, run=suite.run)

    @classmethod
    def patient(cls, suite: Suite) -> Job:
        """Return the job that runs a suite with a lower priority."""
        command = ["nice", "-n", str(NICENESS), *suite.command]
        return cls.of(dataclasses.replace(suite, command=command))


class Jobs(Generic[Item]):
    """A queue that several lanes empty; iterating takes the items."""

    def __init__(self, items: Iterable[Item]) -> None:
        self._items = deque(items)

    def __iter__(self) -> Iterator[Item]:
        while True:
            try:
                yield self._items.popleft()
            except IndexError:
                return

    def drop(self) -> None:
        """Forget the rest, so that lanes end."""
        self._items.clear()


class Board:
    """Shows the results of all lanes, and adds them up."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.total = Result()
        self._clock = clock
        self._start_s = clock()
        self._lock = threading.Lock()

    def run(self, job: Job) -> None:
        """Run a job; show its result, and its output if it failed."""
        begun_s = self._clock()
        result, output = job.run(capture=True)
        took_s = self._clock() - begun_s
        self.note(job.title, result, output, took_s=took_s)

    def note(self, title: str, result: Result, output: str, *, took_s: float) -> None:
        """Add a result."""
        mark = "failed" if result.failed else "ok"
        count = f", {result.passed} passed" if result.passed else ""
        with self._lock:
            self.total += result
            at_s = self._clock() - self._start_s
            say(f"    {title}: {mark}{count} ({took_s:.1f} s, at {at_s:.1f} s)")
            if result.failed:
                say(output)
