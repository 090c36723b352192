"""One message to many local recipients, each with a session in IDLE: times, CPU time, copies.

    scripts/tool python scripts/lib/bench/many/measure.py --lab NAME    measures a lab that is up

`measured()` is what scripts/bench calls.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import click
import labs
from bench.sides import MODULES, RELAYS
from steps import say

LOAD = Path(__file__).with_name("load.py")
RELAY = RELAYS[0]
# sessions hibernate a second after the last change
SETTLE_S = 4.0
UNITS = ("postfix", "dovecot", "chatmail-accounts", "chatmail-filter")
_CPU = (
    "for u in $@; do"
    ' sed -n "s/^usage_usec/$u/p" /sys/fs/cgroup/system.slice/$u.service/cpu.stat; done'
)
# bodies of messages, of maildir and of dbox: files and names since a time
_BODIES = r"""
find /var/lib/chatmail/mail -type f -newermt @$1 \( -name '*,S=*' -o -name 'u.[0-9]*' \) \
    -printf '%i\n' | sort | uniq -c | awk '{files++; names += $1} END {print files, names}'
"""

Figures = dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A message to `count` recipients, who fetch it, too, or are notified only."""

    count: int = 500
    size_bytes: int = 2_048
    rounds: int = 3
    fetches: bool = False


def measured(lab: str, work: Work) -> Iterator[Figures]:
    """Yield the figures of each round; a key that ends in `_cpu_s` is a unit's CPU time.

    `last_s` is the time until the last recipient is notified, from the first command of the sender.

    Raises:
        LabFailedError: a message did not arrive.
    """
    options = [
        *("--domain", RELAY, "--count", str(work.count), "--size-bytes", str(work.size_bytes)),
        *("--rounds", str(work.rounds), *(["--fetches"] if work.fetches else [])),
    ]
    with subprocess.Popen(
        labs.python(lab, str(LOAD), *options),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": MODULES},
    ) as load:
        for _ in range(work.rounds):
            yield _round(lab, load)


def _round(lab: str, load: subprocess.Popen[str]) -> Figures:
    assert load.stdin
    assert load.stdout
    if load.stdout.readline().strip() != "ready":
        raise labs.LabFailedError("the sessions did not come up")
    time.sleep(SETTLE_S)
    before = cpu_s(lab)
    load.stdin.write("\n")
    load.stdin.flush()
    line = load.stdout.readline()
    if not line:
        raise labs.LabFailedError("a message did not arrive")
    after = cpu_s(lab)
    figures: Figures = json.loads(line)
    return figures | {f"{unit}_cpu_s": after[unit] - before[unit] for unit in UNITS}


def cpu_s(lab: str) -> Mapping[str, float]:
    """Return the CPU time of each unit since its start."""
    printed = labs.output(lab, RELAY, "sh", "-c", _CPU, "sh", *UNITS)
    return {unit: int(us) / 1e6 for unit, us in (line.split() for line in printed.splitlines())}


def bodies(lab: str, since_s: float) -> tuple[int, int]:
    """Return how many files hold the bodies since a time, and how many names they have."""
    files, names = labs.output(lab, RELAY, "sh", "-c", _BODIES, "sh", str(since_s)).split()
    return int(files), int(names)


@click.command()
@click.option("--lab", required=True)
@click.option("--count", default=500, help="Recipients.")
@click.option("--size-bytes", default=2048)
@click.option("--rounds", default=3)
@click.option("--fetches", is_flag=True, help="Recipients fetch the message, too.")
def main(lab: str, *, count: int, size_bytes: int, rounds: int, fetches: bool) -> None:
    """Measure a lab that is up, and print a line of figures for each message."""
    begun_s = time.time()
    work = Work(count=count, size_bytes=size_bytes, rounds=rounds, fetches=fetches)
    for figures in measured(lab, work):
        say(" ".join(f"{key.removesuffix('_s')}={value:.3f}" for key, value in figures.items()))
    files, names = bodies(lab, begun_s)
    say(f"bodies of these messages: {files} files with {names} names")


if __name__ == "__main__":
    main()
