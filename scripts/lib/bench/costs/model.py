"""scripts/bench model: what a login or message costs each daemon.

CPU time is that of the unit's control group. It grows by some percent when other programs use the
machine, so compare configurations in turns. All other kinds are counted by strace (trace.py), and
hardly depend on other programs: they show a regression on a busy machine, too.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

import labs
from bench.costs import trace
from bench.sides import DEADLINE_S, RELAYS, Side, figures_of, line
from labs import LabFailedError
from steps import step

UNITS: Final = (
    "postfix",
    "dovecot",
    "nginx",
    "unbound",
    "chatmail-accounts",
    "chatmail-filter",
    "chatmail-transport",
)
CPU: Final = "cpu_us"
# what does not depend on the machine
KINDS: Final = tuple(each.name for each in fields(trace.Counts))
_TRACING: Final = Path(__file__).with_name("tracing.sh")
# for each process of a unit: unit, program, process, CPU time; for the unit "-", 0, CPU time
_USED: Final = """
for u in $@; do
  g=/sys/fs/cgroup/system.slice/$u.service
  [ -e $g ] || continue
  sed -n "s/^usage_usec/$u - 0/p" $g/cpu.stat
  for p in $(cat $g/cgroup.procs); do
    read -r ns _ < /proc/$p/schedstat && echo "$u $(cat /proc/$p/comm) $p $((ns / 1000))"
  done
done
"""

Figures = Mapping[str, float]  # by unit, or by program
Costs = Mapping[str, Figures]  # by kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is done `times` times: a scenario of load.py with its arguments."""

    name: str
    times: int
    arguments: Sequence[str]


def one_after_the_other(name: str, count: int, *more: str) -> Work:
    """Messages of 2 KB to a recipient in IDLE, each sent when the one before has arrived.

    From so many senders that none reaches a limit, and no daemon has the answer for the last one.
    """
    senders = ["--senders", str(2 + count // 8)]
    arguments = ["latency", "--count", str(count), "--every-s", "0.002", *senders, *more]
    return Work(name=name, times=count, arguments=arguments)


def at_once(name: str, size_bytes: int, each: int, *more: str) -> Work:
    """Messages of 20 senders, who do not wait."""
    arguments = ["throughput", "--size-bytes", str(size_bytes), "--each", str(each), *more]
    return Work(name=name, times=20 * each, arguments=arguments)


def logins(count: int) -> Work:
    """Logins of addresses that are there, one after the other."""
    arguments = ["logins", "--count", str(count), "--at-once", "1"]
    return Work(name="login", times=count, arguments=arguments)


WORKS: Final = (
    logins(200),
    one_after_the_other("local", 50),
    one_after_the_other("far", 50, "--to", RELAYS[1]),
    at_once("2KB", 2_048, 25),
    at_once("100KB", 100_000, 10),
    at_once("5MB", 5_000_000, 1),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What a work costs, once: by kind, then by unit or by program."""

    units: Costs
    programs: Costs

    def total(self, kind: str) -> float:
        """Return the sum of all units."""
        return sum(self.units[kind].values())


def timed(side: Side, work: Work) -> Model:
    """Return the CPU time of a work.

    Raises:
        LabFailedError: it failed.
    """
    with _ready(side, work) as running:
        before = _used_us(side)
        _finish(running)
        after = _used_us(side)
    units: dict[str, float] = defaultdict(float)
    programs: dict[str, float] = defaultdict(float)
    for key, us in after.items():
        unit, program, _ = key
        used_us = (us - before.get(key, 0)) / work.times
        if program == "-":
            units[unit] += used_us
        else:
            programs[f"{unit} {program}"] += used_us
    return Model(units={CPU: dict(units)}, programs={CPU: dict(programs)})


def counted(side: Side, work: Work) -> Model:
    """Return the system calls of a work and what they did, by `KINDS`.

    Raises:
        LabFailedError: it failed.
    """
    with _ready(side, work) as running, _traced(side) as traces:
        _finish(running)
    units: dict[str, dict[str, float]] = {kind: {} for kind in KINDS}
    programs: dict[str, dict[str, float]] = {kind: {} for kind in KINDS}
    for unit, lines in traces.items():
        by_program = trace.counted(lines)
        for kind in KINDS:
            found = {name: getattr(each, kind) for name, each in by_program.items()}
            units[kind][unit] = sum(found.values()) / work.times
            programs[kind] |= {f"{unit} {name}": n / work.times for name, n in found.items()}
    return Model(units=units, programs=programs)


@contextlib.contextmanager
def _ready(side: Side, work: Work) -> Iterator[subprocess.Popen[str]]:
    """Prepare a work; it starts with `_finish`."""
    with side.load(*work.arguments, "--wait", stdin=subprocess.PIPE) as running:
        if line(running.stdout) != "ready":
            figures_of(running, *running.communicate(timeout=DEADLINE_S))
            raise LabFailedError(f"{work.name}: not ready")
        yield running


def _finish(running: subprocess.Popen[str]) -> None:
    figures_of(running, *running.communicate("\n", timeout=DEADLINE_S))


@contextlib.contextmanager
def _traced(side: Side) -> Iterator[dict[str, list[str]]]:
    """Trace all daemons during the body; afterwards the lines of each are there."""
    command = labs.inside(side.lab, RELAYS[0], "sh", "-c", _TRACING.read_text(), "sh", *UNITS)
    found: dict[str, list[str]] = {}
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        errors="replace",
    ) as tracing:
        if line(tracing.stdout) != "tracing":
            raise LabFailedError("strace did not start")
        yield found
        printed, _ = tracing.communicate("\n", timeout=DEADLINE_S)
    for text in printed.splitlines():
        if text.startswith("== "):
            lines = found.setdefault(text.removeprefix("== "), [])
        else:
            lines.append(text)


def _used_us(side: Side) -> dict[tuple[str, str, str], int]:
    """Return the CPU time of units and processes: by unit, program and process."""
    printed = side.output("sh", "-c", _USED, "sh", *UNITS)
    words = (text.rsplit(maxsplit=2) for text in printed.splitlines())
    found = {}
    for name, process, us in words:
        unit, _, program = name.partition(" ")
        found[(unit, program, process)] = int(us)
    return found


def in_turns(sides: Sequence[Side], work: Work, rounds: int) -> dict[str, Model]:
    """Return what a work costs each side, by its lab; of the CPU times the lowest.

    Raises:
        LabFailedError: it failed.
    """
    with step(work.name):
        calls = {side.lab: counted(side, work) for side in sides}
        cpu: dict[str, list[Model]] = defaultdict(list)
        for _ in range(rounds):
            for side in sides:
                cpu[side.lab].append(timed(side, work))
    return {lab: _joined(calls[lab], _lowest(cpu[lab])) for lab in calls}


def _lowest(models: Sequence[Model]) -> Model:
    return min(models, key=lambda one: one.total(CPU))


def _joined(calls: Model, cpu: Model) -> Model:
    return Model(units={**cpu.units, **calls.units}, programs={**cpu.programs, **calls.programs})
