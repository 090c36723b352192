"""scripts/scale storm: all clients of a relay return at once, and then wait.

Prints how long it takes until all are in IDLE, what becomes of other people's messages meanwhile,
the CPU time of clients and services, the memory of a waiting connection, and how long Dovecot takes
to restart while they wait.
"""

from __future__ import annotations

import contextlib
import json
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import labs
from bench import memory
from steps import say, step

LAB, RELAY = "storm", "a.test"
CONFIG = Path(__file__).parents[1] / "ours.nix"
CLIENTS = Path(__file__).with_name("clients.py")
DISK = "4G"
# each is one thread: two keep both cores busy if the relay lets them
CROWDS = 2
# One IP address may have 2000 IMAP connections.
SOURCES = [f"192.0.2.{host}" for host in range(130, 162)]
_ADD_SOURCES = """
link=$(ip -oneline -4 route show 192.0.2.0/24 | sed 's/.* dev \\([^ ]*\\).*/\\1/; q')
for source in $@; do ip address replace $source/24 dev $link; done
"""
UNITS = ("postfix", "dovecot", "nginx", "chatmail-accounts", "chatmail-filter")
# of the unit's control group
_GROUP = "/sys/fs/cgroup/system.slice/$u.service"
_CPU = f'for u in $@; do sed -n "s/^usage_usec/$u/p" {_GROUP}/cpu.stat; done'
CREATE_AT_ONCE, CREATE_WITHIN_S = 20, 500
STORM_WITHIN_S = 120.0
PAUSE_S = 5.0
# A session hibernates after 1 s, and its process ends within a second more.
SETTLE_S = (1.0, 4.0)
MOST_S, MOST_P95_MS, MOST_CONNECTION_KIB = 25.0, 100.0, 60.0
# systemd kills Dovecot after 90 s.
MOST_RESTART_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    """One storm. `services_cpu_s` is by unit."""

    duration_s: float
    refusals: Sequence[str]
    resumed: int
    noticed_median_ms: float
    noticed_p95_ms: float
    noticed_max_ms: float
    clients_cpu_s: float
    services_cpu_s: Mapping[str, float]


class Clients:
    """A process of clients.py."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def tells(self, command: str) -> None:
        """Give it a command."""
        assert self._process.stdin
        print(command, file=self._process.stdin, flush=True)

    def answers(self) -> dict[str, Any]:
        """Return its answer.

        Raises:
            LabFailedError: it ended.
        """
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise labs.LabFailedError("the clients ended")
        found: dict[str, Any] = json.loads(line)
        return found


@contextlib.contextmanager
def clients(lab: str, *arguments: str) -> Iterator[Clients]:
    """Start clients; they leave at the end."""
    command = labs.python(lab, str(CLIENTS), *arguments)
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            yield Clients(process)
        finally:
            assert process.stdin
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()


@contextlib.contextmanager
def crowds(lab: str, count: int, domain: str = RELAY) -> Iterator[list[Clients]]:
    """Start processes with `count` clients in all, whose addresses do not exist yet."""
    labs.output(lab, "client", "sh", "-c", _ADD_SOURCES, "sh", *SOURCES)
    sources = [f"--source={source}" for source in SOURCES]
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(
                clients(lab, "crowd", "--domain", domain, "--count", str(share), *sources)
            )
            for share in (count // CROWDS, count - count // CROWDS)
        ]


def land(crowd: Sequence[Clients], at_once: int, within_s: float) -> list[dict[str, Any]]:
    """Connect all clients; return the answer of each process."""
    for one in crowd:
        one.tells(f"land {at_once} {within_s}")
    return [one.answers() for one in crowd]


def leave(crowd: Sequence[Clients]) -> None:
    """Cut all connections, as a lost network does."""
    for one in crowd:
        one.tells("leave")
    for one in crowd:
        one.answers()


def storm(lab: str, crowd: Sequence[Clients], bystander: Clients, count: int) -> Storm:
    """Cut all connections; connect all at the same moment, while others write to each other."""
    bystander.tells("send")
    bystander.answers()
    leave(crowd)
    before = _used_us(lab)
    landings = land(crowd, count, STORM_WITHIN_S)
    bystander.tells("stop")
    took_ms = sorted(bystander.answers()["took_ms"])
    after = _used_us(lab)
    return Storm(
        duration_s=max(time_s for landing in landings for time_s in landing["times_s"]),
        refusals=[refusal for landing in landings for refusal in landing["refusals"]],
        resumed=sum(landing["resumed"] for landing in landings),
        noticed_median_ms=statistics.median(took_ms),
        noticed_p95_ms=took_ms[int(len(took_ms) * 0.95)],
        noticed_max_ms=took_ms[-1],
        clients_cpu_s=sum(landing["cpu_s"] for landing in landings),
        services_cpu_s={unit: (after[unit] - before[unit]) / 1e6 for unit in after},
    )


def _used_us(lab: str) -> dict[str, int]:
    printed = labs.output(lab, RELAY, "sh", "-c", _CPU, "sh", *UNITS)
    return {unit: int(us) for unit, us in (line.split() for line in printed.splitlines())}


def waiting(lab: str, count: int, settle_s: Sequence[float]) -> tuple[list[float], float]:
    """Return the memory of each of `count` connections, and how long Dovecot then takes to restart.

    In KiB, some times after the last is in IDLE: that of all daemons, with shared pages once;
    `memory.FIRST` others are open before.
    """
    with crowds(lab, memory.FIRST) as first, crowds(lab, count) as crowd:
        _create(first)
        time.sleep(PAUSE_S)
        before_kib = memory.pss_kib(lab, RELAY)
        _create(crowd)
        end_s = time.monotonic()
        found: list[float] = []
        for after_s in settle_s:
            time.sleep(max(0.0, end_s + after_s - time.monotonic()))
            found.append((memory.pss_kib(lab, RELAY) - before_kib) / count)
        start_s = time.monotonic()
        labs.output(lab, RELAY, "systemctl", "restart", "dovecot")
        return found, time.monotonic() - start_s


def _create(crowd: Sequence[Clients]) -> None:
    refusals = [
        refusal
        for landing in land(crowd, CREATE_AT_ONCE, CREATE_WITHIN_S)
        for refusal in landing["refusals"]
    ]
    if refusals:
        raise labs.LabFailedError(f"not created: {Counter(refusals).most_common(3)}")


@click.command()
@click.option("--clients", "count", default=5000, show_default=True)
@click.option("--rounds", default=2, show_default=True)
@click.option("--waiting", "connections", default=10000, show_default=True, help="0: not measured.")
@click.option("--name", default=LAB, show_default=True, help="Name of the lab.")
@click.option("--running", is_flag=True, help="The lab is up, and stays up.")
def main(*, count: int, rounds: int, connections: int, name: str, running: bool) -> None:
    """Print each storm, and what waiting connections cost; exits 1 if a goal is missed."""
    missed: list[str] = []
    try:
        with contextlib.nullcontext() if running else labs.lab(name, (RELAY,), CONFIG, disk=DISK):
            for found in storms(name, count, rounds):
                missed += _judged(found, count)
            if connections:
                with step(f"{connections} connections"):
                    each_kib, restart_s = waiting(name, connections, SETTLE_S)
                for after_s, kib in zip(SETTLE_S, each_kib, strict=True):
                    say(f"{kib:.1f} KiB for each after {after_s:g} s")
                say(f"goal: {MOST_CONNECTION_KIB:g} KiB after {SETTLE_S[0]:g} s")
                say(f"Dovecot restarts in {restart_s:.1f} s (goal: {MOST_RESTART_S:g})")
                missed += ["memory"] * (each_kib[0] > MOST_CONNECTION_KIB)
                missed += ["restart"] * (restart_s > MOST_RESTART_S)
    except labs.LabFailedError as error:
        sys.exit(str(error))
    sys.exit(f"missed: {', '.join(missed)}" if missed else 0)


def storms(name: str, count: int, rounds: int) -> Iterator[Storm]:
    """Create addresses; yield some storms of their clients."""
    with crowds(name, count) as crowd:
        with step(f"{count} new addresses"):
            _create(crowd)
        for number in range(rounds):
            time.sleep(PAUSE_S)
            with (
                step(f"storm {number + 1} of {count} clients"),
                clients(name, "bystander", "--domain", RELAY) as bystander,
            ):
                found = storm(name, crowd, bystander, count)
            yield found


def _judged(found: Storm, count: int) -> list[str]:
    """Print a storm; return the goals that it missed."""
    services = {unit: cpu_s for unit, cpu_s in found.services_cpu_s.items() if cpu_s >= 0.05}
    each_ms = 1000 / count
    say(f"{found.duration_s:.1f} s (goal: {MOST_S:g}), TLS resumed by {found.resumed}")
    say(f"refused: {Counter(found.refusals).most_common(5) or 'nobody'}")
    say(
        f"other people's messages: median {found.noticed_median_ms:.0f} ms,"
        f" p95 {found.noticed_p95_ms:.0f} ms (goal: {MOST_P95_MS:g}),"
        f" max {found.noticed_max_ms:.0f} ms"
    )
    say(
        "CPU of each client: "
        + ", ".join(f"{unit} {cpu_s * each_ms:.2f} ms" for unit, cpu_s in services.items())
        + f"; the client itself {found.clients_cpu_s * each_ms:.2f} ms"
    )
    return (
        ["duration"] * (found.duration_s > MOST_S)
        + ["refusals"] * bool(found.refusals)
        + ["messages"] * (found.noticed_p95_ms > MOST_P95_MS)
    )
