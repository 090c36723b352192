"""scripts/bench-model: the CPU time and the system calls of a login or message in each daemon.

CPU time is that of the unit's control group. It grows by some percent when other programs use the
machine, so compare runs that took turns. System calls hardly depend on other programs.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import click
import labs
from bench.compare import CONFIGS, DISK, RELAYS, load
from steps import say, step

LAB = "model"
UNITS = (
    "postfix",
    "dovecot",
    "nginx",
    "unbound",
    "chatmail-accounts",
    "chatmail-filter",
    "chatmail-transport",
)
# those that wait for the disk are named, the others are one number
SYNCS = frozenset({"fsync", "fdatasync", "syncfs", "sync_file_range"})
# the last lines of `strace -c -U name,calls`
_COUNT = re.compile(r"^(?P<name>\w+) +(?P<calls>\d+)$", re.MULTILINE)
_GROUP = "/sys/fs/cgroup/system.slice/$u.service"
_CPU = f'for u in $@; do sed -n "s/^usage_usec/$u/p" {_GROUP}/cpu.stat; done'
# strace counts for all processes that the unit has and starts, until it is told to end
_STRACE = (
    f"u=$0; exec strace -f -q -c -U name,calls -o /run/calls.$u"
    f" $(sed 's/^/-p /' {_GROUP}/cgroup.procs)"
)

Figures = Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is done `times` times: a scenario of load.py with its arguments."""

    name: str
    times: int
    arguments: Sequence[str]


def _messages(name: str, size_bytes: int, each: int, *more: str) -> Work:
    arguments = ["throughput", "--size-bytes", str(size_bytes), "--each", str(each), *more]
    return Work(name=name, times=20 * each, arguments=arguments)


WORKS = (
    # one of the two creates the address
    Work(name="login", times=1000, arguments=["logins", "--count", "500"]),
    _messages("2KB", 2_048, 25),
    _messages("100KB", 100_000, 10),
    _messages("5MB", 5_000_000, 1),
    _messages("far", 2_048, 20, "--to", RELAYS[1]),
)


@click.command()
@click.option("--rounds", default=2, show_default=True, help="The lowest figure counts.")
@click.option("--only", multiple=True, type=click.Choice([work.name for work in WORKS]))
@click.option("--calls", is_flag=True, help="Count system calls, too; takes longer.")
def main(*, rounds: int, only: Sequence[str], calls: bool) -> None:
    """Print what each daemon of the first relay spends on a login or message."""
    chosen = [work for work in WORKS if not only or work.name in only]
    found: dict[str, dict[str, Figures]] = {}
    with labs.lab(LAB, RELAYS, CONFIGS / "ours.nix", disk=DISK):
        load(LAB, *WORKS[0].arguments)  # starts processes and opens connections
        for work in chosen:
            with step(work.name):
                measured = [_cpu_us(work) for _ in range(rounds)]
                found[work.name] = {"CPU us": min(measured, key=lambda one: sum(one.values()))}
                if calls:
                    found[work.name] |= _calls(work)
    _print_table(found)
    say(json.dumps(found))


def _cpu_us(work: Work) -> Figures:
    before = _used_us()
    load(LAB, *work.arguments)
    after = _used_us()
    return {unit: (after[unit] - before[unit]) / work.times for unit in after}


def _used_us() -> dict[str, int]:
    printed = labs.output(LAB, RELAYS[0], "sh", "-c", _CPU, "sh", *UNITS)
    return {unit: int(us) for unit, us in (line.split() for line in printed.splitlines())}


def _calls(work: Work) -> dict[str, Figures]:
    with contextlib.ExitStack() as stack:
        for unit in UNITS:
            stack.enter_context(_counted(unit))
        load(LAB, *work.arguments)
    counts = {unit: _counts(unit) for unit in UNITS}
    return {
        "system calls": {unit: sum(calls.values()) / work.times for unit, calls in counts.items()},
        "disk syncs": {
            unit: sum(calls.get(name, 0) for name in SYNCS) / work.times
            for unit, calls in counts.items()
        },
    }


@contextlib.contextmanager
def _counted(unit: str) -> Iterator[None]:
    """Count the system calls of a unit during the body."""
    command = labs.inside(LAB, RELAYS[0], "sh", "-c", _STRACE, unit)
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as counter:
        try:
            yield
        finally:
            labs.output(LAB, RELAYS[0], "pkill", "-INT", "-f", f"/run/calls.{unit}")
            counter.wait(timeout=30)


def _counts(unit: str) -> dict[str, int]:
    text = labs.output(LAB, RELAYS[0], "cat", f"/run/calls.{unit}")
    return {found["name"]: int(found["calls"]) for found in _COUNT.finditer(text)}


def _print_table(found: Mapping[str, Mapping[str, Figures]]) -> None:
    say("")
    say(
        f"{'':22}"
        + "".join(f"{unit.removeprefix('chatmail-'):>11}" for unit in UNITS)
        + "        all"
    )
    for name, kinds in found.items():
        for kind, figures in kinds.items():
            cells = "".join(f"{figures[unit]:11.1f}" for unit in UNITS)
            say(f"{name + ', ' + kind:22}{cells}{sum(figures.values()):11.1f}")


if __name__ == "__main__":
    main()
