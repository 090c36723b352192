"""scripts/scale machines: a cluster of a front and two stores beside one machine, in one lab.

CPU time is that of all control groups of a container, minus what it uses at rest.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click
import labs
from scale.machines import report, sizing, waiting
from scale.machines.meters import CLUSTER, FRONT, MACHINES, ONE, STORE, Meters, command_line
from scale.machines.works import DOMAINS, FIRST, LOCAL, SUBMISSION, Costs, Lab, costs, rest
from steps import say, step

LAB: Final = "machines"
# no limit that people from one IP address would reach
CONFIG: Final = labs.CHECKOUT / "scripts" / "lib" / "bench" / "ours.nix"
DISK: Final = "4G"


@click.command()
@click.option("--rounds", default=3, show_default=True, help="How often both sides take turns.")
@click.option("--only", type=click.Choice(["work", "waiting"]), help="Measure only this.")
@click.option("--name", default=LAB, show_default=True, help="Name of the lab.")
@click.option("--running", is_flag=True, help="The lab is up, and stays up.")
def main(*, rounds: int, only: str | None, name: str, running: bool) -> None:
    """Print what logins, messages and waiting sessions cost a front and a store.

    One machine is measured in turns with them, so ratios count on a busy machine, too.
    """
    up = labs.lab(name, (CLUSTER, DOMAINS[1]), CONFIG, disk=DISK)
    try:
        with contextlib.nullcontext() if running else up:
            _measure(name, rounds, only)
    except labs.LabFailedError as error:
        sys.exit(str(error))
    say(f"\nload of this machine at the end: {_load()}, {os.cpu_count()} cores")


def _measure(name: str, rounds: int, only: str | None) -> None:
    meters, client = Meters(name), command_line(name, "client")
    say(f"load of this machine at the start: {_load()}")
    found: list[Costs] = []
    empty_kib = meters.memory_kib()
    at_rest = []
    for number in range(rounds):
        with step(f"round {number + 1}"):
            at_rest.append(rest(meters))
            if only != "waiting":
                found.append(costs(Lab(name=name, client=client, meters=meters, rest=at_rest[-1])))
    if only != "waiting":
        report.print_costs(found)
    report.print_rest(at_rest)
    if only != "work":
        lab = Lab(name=name, client=client, meters=meters, rest=at_rest[-1])
        with step("clients that return and wait"):
            waits = waiting.measured(lab, rounds)
        report.print_waiting(waits)
        if found:
            each = {
                role: _each(role, found, waits, sum(empty_kib[role].values())) for role in MACHINES
            }
            sizing.report(each[FRONT], each[STORE], each[ONE])


def _each(
    role: str, rounds: Sequence[Costs], waits: waiting.Waiting, rest_kib: float
) -> sizing.Costs:
    """What the table of machines needs to know; the stores together do the work of one."""

    def work_s(work: str) -> float:
        return statistics.median(report.cpu_us(each[work][role]) for each in rounds) / 1e6

    def return_s(kind: str) -> float:
        return statistics.median(map(report.cpu_us, waits.returns_us[kind][role])) / 1e6

    many = waits.memory_kib[max(waits.memory_kib)][role]
    return sizing.Costs(
        message_s=work_s(LOCAL),
        submission_s=work_s(SUBMISSION),
        session_s=return_s(waiting.RESUMED) + return_s(waiting.ENDS),
        first_s=work_s(FIRST),
        session_bytes=1024 * statistics.median(sum(each.values()) for each in many),
        rest_bytes=1024 * rest_kib / len(MACHINES[role]),
    )


def _load() -> str:
    return " ".join(Path("/proc/loadavg").read_text().split()[:3])
