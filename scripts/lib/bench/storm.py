"""scripts/bench-storm: all clients of a relay return at once, and then wait.

Prints how long it takes until all are in IDLE, what becomes of other people's messages meanwhile,
the CPU time of each service, and the memory of a waiting connection.
"""

from __future__ import annotations

import contextlib
import json
import statistics
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import labs

RELAY = "a.test"
CLIENTS = Path(__file__).with_name("storm_clients.py")
# each is one thread; two of them keep both cores busy if the relay lets them
CROWDS = 2
# of the lab's network: one IP address may have 2,000 IMAP connections
SOURCES = [f"192.0.2.{host}" for host in range(130, 162)]
_DEVICE = "for s in $@; do ip address replace $s/24 dev $(ip -o -4 route show 192.0.2.0/24 | sed 's/.*dev \\([^ ]*\\).*/\\1/;q'); done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    """One storm: seconds until the last client was in IDLE, and its cost."""

    duration_s: float
    median_s: float
    refusals: Sequence[str]
    resumed: int
    clients_cpu_s: float
    noticed_p95_ms: float
    noticed_max_ms: float


class Clients:
    """A process of storm_clients.py."""

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
            process.stdin.close()


@contextlib.contextmanager
def crowds(lab: str, count: int) -> Iterator[list[Clients]]:
    """Start processes with `count` clients in all, whose addresses do not exist yet."""
    labs.output(lab, "client", "sh", "-c", _DEVICE, "sh", *SOURCES)
    sources = [f"--source={source}" for source in SOURCES]
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(
                clients(lab, "crowd", "--domain", RELAY, "--count", str(share), *sources)
            )
            for share in (count // CROWDS, count - count // CROWDS)
        ]


def land(crowd: Sequence[Clients], at_once: int, within_s: float) -> list[dict[str, Any]]:
    """Connect all clients; return the answer of each process."""
    for one in crowd:
        one.tells(f"land {at_once} {within_s}")
    return [one.answers() for one in crowd]


def storm(crowd: Sequence[Clients], bystander: Clients, count: int, within_s: float) -> Storm:
    """Disconnect all, connect all at the same moment, while others write to each other."""
    for one in crowd:
        one.tells("leave")
    for one in crowd:
        one.answers()
    bystander.tells("send")
    bystander.answers()
    landings = land(crowd, count, within_s)
    bystander.tells("stop")
    took_ms = sorted(bystander.answers()["took_ms"])
    times_s = sorted(time_s for landing in landings for time_s in landing["times_s"])
    return Storm(
        duration_s=times_s[-1],
        median_s=statistics.median(times_s),
        refusals=[refusal for landing in landings for refusal in landing["refusals"]],
        resumed=sum(landing["resumed"] for landing in landings),
        clients_cpu_s=sum(landing["cpu_s"] for landing in landings),
        noticed_p95_ms=took_ms[int(len(took_ms) * 0.95)],
        noticed_max_ms=took_ms[-1],
    )
