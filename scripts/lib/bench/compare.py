"""scripts/bench: measures a relay with and without our filter, and prints a table."""

from __future__ import annotations

import contextlib
import json
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import labs
from bench import memory
from labs import LabFailedError, lab, python
from steps import say, step

OURS, BARE = "bench-ours", "bench-bare"
RELAYS = ("a.test", "b.test")
LOAD = Path(__file__).with_name("load.py")
CONFIGS = Path(__file__).parent
IDLE_CONNECTIONS = 1000
SETTLE_S = 5  # sessions hibernate after 1 s, their process ends 1 s later
SCENARIO_DEADLINE_S = 600
DISK = "4G"  # the messages of all rounds, and the free space that new addresses need
# refuses HTTPS to other hosts at once, so SMTP is used
NO_HTTPS = """
table inet bench {
  chain out {
    type filter hook output priority 0
    oif != "lo" tcp dport 443 reject with tcp reset
  }
}
"""

Figures = dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure with its unit and goal.

    `most` and `least` limit our figure, `most_ratio` and `least_ratio` ours divided by bare.
    """

    name: str
    key: str
    unit: str
    most: float | None = None
    least: float | None = None
    most_ratio: float | None = None
    least_ratio: float | None = None

    def target(self) -> str:
        """Return the goal as text."""
        bounds = [
            (self.most, "at most {:g} " + self.unit),
            (self.least, "at least {:g} " + self.unit),
            (self.most_ratio, "at most {:g} x bare"),
            (self.least_ratio, "at least {:g} x bare"),
        ]
        return ", ".join(text.format(bound) for bound, text in bounds if bound is not None)

    def reached(self, ours: float, bare: float) -> bool:
        """Return whether our figure meets the goal."""
        ratio = ours / bare
        return (
            (self.most is None or ours <= self.most)
            and (self.least is None or ours >= self.least)
            and (self.most_ratio is None or ratio <= self.most_ratio)
            and (self.least_ratio is None or ratio >= self.least_ratio)
        )


ROWS = [
    Row(name="local message, median", key="local.noticed_median_ms", unit="ms", most_ratio=1.2),
    Row(name="local message, p95", key="local.noticed_p95_ms", unit="ms"),
    Row(name="until the sender's 250", key="local.accepted_median_ms", unit="ms", most_ratio=1.5),
    Row(name="other relay, HTTPS, median", key="remote.noticed_median_ms", unit="ms", most=40),
    Row(name="other relay, HTTPS, p95", key="remote.noticed_p95_ms", unit="ms"),
    Row(name="other relay, SMTP, median", key="remote-smtp.noticed_median_ms", unit="ms", most=40),
    Row(name="other relay, SMTP, p95", key="remote-smtp.noticed_p95_ms", unit="ms"),
    Row(name="phone woken after the 250", key="push.woken_median_ms", unit="ms", most=50),
    Row(name="throughput, 2 KB", key="2KB.messages_per_s", unit="/s", least_ratio=0.9),
    Row(name="throughput, 100 KB", key="100KB.messages_per_s", unit="/s", least_ratio=0.85),
    Row(name="throughput, 5 MB", key="5MB.messages_per_s", unit="/s", least_ratio=0.8),
    Row(name="2 KB to other relay, HTTPS", key="far.messages_per_s", unit="/s"),
    Row(name="2 KB to other relay, SMTP", key="far-smtp.messages_per_s", unit="/s"),
    Row(name="5 MB to other relay, HTTPS", key="far-5MB.messages_per_s", unit="/s"),
    Row(name="30 MB, median", key="30MB.noticed_median_ms", unit="ms"),
    Row(name="30 MB, peak of the filter", key="30MB.filter_mib", unit="MiB"),
    Row(name="addresses created", key="logins.created_per_s", unit="/s", least=200),
    Row(name="logins", key="logins.logins_per_s", unit="/s", least=220),
    Row(name="memory of all daemons, idle", key="memory.daemons_mib", unit="MiB", most=120),
    Row(name="memory per idle connection", key="memory.connection_kib", unit="KiB", most=90),
]


def load(name: str, *arguments: str) -> Figures:
    """Return the figures of one run of load.py.

    Raises:
        LabFailedError: it failed; with the last line of its errors.
    """
    command = python(name, str(LOAD), *arguments, "--domain", RELAYS[0])
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=SCENARIO_DEADLINE_S
    )
    if done.returncode:
        raise LabFailedError(f"load {' '.join(arguments)}: {done.stderr.strip().splitlines()[-1]}")
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def _memory(name: str) -> Figures:
    daemons_kib = memory.pss_kib(name, RELAYS[0])
    connection_kib = memory.per_idle_connection_kib(name, RELAYS[0], IDLE_CONNECTIONS, SETTLE_S)
    return {"daemons_mib": daemons_kib / 1024, "connection_kib": connection_kib}


def _throughput(size_bytes: int, each: int, *more: str) -> Callable[[str], Figures]:
    arguments = ["--size-bytes", str(size_bytes), "--each", str(each), *more]
    return lambda name: load(name, "throughput", *arguments)


@contextlib.contextmanager
def _without_https(name: str) -> Iterator[None]:
    labs.output(name, RELAYS[0], "nft", "-f", "-", stdin=NO_HTTPS)
    try:
        yield
    finally:
        labs.output(name, RELAYS[0], "nft", "delete", "table", "inet", "bench")
        labs.output(name, RELAYS[0], "systemctl", "restart", "chatmail-transport")


def _over_smtp(measure: Callable[[str], Figures]) -> Callable[[str], Figures]:
    def measured(name: str) -> Figures:
        with _without_https(name):
            return measure(name)

    return measured


def _remote(name: str) -> Figures:
    return load(name, "latency", "--to", RELAYS[1])


def _large(name: str) -> Figures:
    with memory.peak(name, RELAYS[0], "chatmail-filter") as peak:
        figures = load(name, "latency", "--size-bytes", "30000000", "--count", "2")
    return figures | {"filter_mib": peak[0]}


# in this order: memory before any load
SCENARIOS: dict[str, Callable[[str], Figures]] = {
    "memory": _memory,
    "local": lambda name: load(name, "latency"),
    "remote": _remote,
    "remote-smtp": _over_smtp(_remote),
    "push": lambda name: load(name, "waking"),
    # with 300, the start of fifty clients costs a tenth
    "logins": lambda name: load(name, "logins", "--count", "1200"),
    "2KB": _throughput(2_048, 50),
    "100KB": _throughput(100_000, 15),
    "5MB": _throughput(5_000_000, 2),
    "far": _throughput(2_048, 20, "--to", RELAYS[1]),
    "far-smtp": _over_smtp(_throughput(2_048, 20, "--to", RELAYS[1])),
    "far-5MB": _throughput(5_000_000, 1, "--to", RELAYS[1]),
    "30MB": _large,
}


@click.command()
@click.option("--rounds", default=2, help="How often both relays take turns.")
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(list(SCENARIOS)),
    help="Measure only this; repeatable.",
)
def main(*, rounds: int, only: Sequence[str]) -> None:
    """Measure the relay with and without our filter, and print a table."""
    measured: dict[str, dict[str, list[float]]] = {
        OURS: defaultdict(list),
        BARE: defaultdict(list),
    }
    failed: list[str] = []
    with (
        step("two labs"),
        lab(OURS, RELAYS, CONFIGS / "ours.nix", disk=DISK),
        lab(BARE, RELAYS, CONFIGS / "bare.nix", disk=DISK),
    ):
        for scenario in only or SCENARIOS:
            for number in range(1 if scenario == "memory" else rounds):
                for name in (OURS, BARE):
                    try:
                        with step(f"{scenario}, round {number + 1}, {name}"):
                            for key, value in SCENARIOS[scenario](name).items():
                                measured[name][f"{scenario}.{key}"].append(value)
                    except (LabFailedError, subprocess.TimeoutExpired) as error:
                        failed.append(f"{scenario}, {name}: {error}")
    _print_table(measured[OURS], measured[BARE])
    if failed:
        sys.exit("\n".join(["", "not measured:", *failed]))


def _print_table(ours: dict[str, list[float]], bare: dict[str, list[float]]) -> None:
    say("")
    say(f"{'figure':34}{'ours':>10}{'bare':>10}  {'unit':5}{'ratio':>6}   goal")
    for row in ROWS:
        if not (ours.get(row.key) and bare.get(row.key)):
            continue
        own, other = statistics.median(ours[row.key]), statistics.median(bare[row.key])
        goal = row.target()
        mark = f"{goal}: {'reached' if row.reached(own, other) else 'MISSED'}" if goal else ""
        say(f"{row.name:34}{own:10.1f}{other:10.1f}  {row.unit:5}{own / other:6.2f}   {mark}")
    say("")
    say("bare: the same relay without our filter and without DKIM, measured in turns in this run")


if __name__ == "__main__":
    main()
