"""scripts/bench-small: loads a relay with little memory, many idle sessions and steady mail.

Needs the memory controller of cgroup v1 or v2 on this machine.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import labs

LAB, RELAY = "small", "a.test"
CONFIG = labs.CHECKOUT / "tests" / "e2e" / "lab.nix"
LOAD = Path(__file__).with_name("small_load.py")
MIB = 1 << 20
# the services to restart under the limit
DAEMONS = ["postfix", "dovecot", "nginx", "unbound"]
HELPERS = ["chatmail-accounts", "chatmail-filter", "chatmail-transport"]
V1, V2 = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A control group with a memory limit."""

    path: Path
    limit: str
    usage: str
    kills: str

    def number(self, name: str) -> int:
        """Return the content of a file with one number."""
        return int((self.path / name).read_text())

    def killed(self) -> int:
        """Return the number of processes that were killed for lack of memory."""
        lines = (self.path / self.kills).read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))


@contextmanager
def limited(processes: list[int], limit_bytes: int) -> Iterator[Group]:
    """Limit the memory of these processes and their children from now on."""
    if V1.is_dir():
        names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "memory.oom_control")
        group = Group(path=V1 / "chatmail-small", limit=names[0], usage=names[1], kills=names[2])
    else:
        names = ("memory.max", "memory.current", "memory.events")
        group = Group(path=V2 / "chatmail-small", limit=names[0], usage=names[1], kills=names[2])
    group.path.mkdir(exist_ok=True)
    (group.path / group.limit).write_text(str(limit_bytes))
    for process in processes:
        (group.path / "cgroup.procs").write_text(str(process))
    yield group


def inside(relay: str) -> list[int]:
    """Return the process ids of a relay on this machine."""
    pattern = f"systemd-nspawn.*chatmail-lab/{LAB}/hosts/{relay}"
    return _below(int(_output("pgrep", "--full", pattern).split()[0]))


def _below(process: int) -> list[int]:
    children = [int(child) for child in _output("pgrep", "--parent", str(process)).split()]
    return children + [deeper for child in children for deeper in _below(child)]


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, check=False, text=True).stdout


@click.command()
@click.option("--memory-mib", default=512, show_default=True)
@click.option("--people", default=1000, show_default=True, help="IMAP sessions in IDLE.")
@click.option("--per-second", default=5.0, show_default=True, help="Messages sent.")
@click.option("--seconds", default=40, show_default=True)
def main(memory_mib: int, people: int, per_second: float, seconds: int) -> None:
    """Start a relay with little memory, load it, and print the results as JSON."""
    with labs.lab(LAB, [RELAY], CONFIG), limited(inside(RELAY), memory_mib * MIB) as group:
        labs.output(LAB, RELAY, "systemctl", "restart", *DAEMONS, *HELPERS)
        time.sleep(5)
        figures: dict[str, float] = {"at_rest_mib": group.number(group.usage) // MIB}
        before = group.killed()
        numbers = (people, per_second, seconds)
        command = labs.python(LAB, str(LOAD), RELAY, *(str(number) for number in numbers))
        done = subprocess.run(command, stdout=subprocess.PIPE, check=False, text=True)
        if done.returncode:
            sys.exit(f"the load failed: {done.stdout}")
        figures |= json.loads(done.stdout)
        figures["killed_for_memory"] = group.killed() - before
    with contextlib.suppress(OSError):
        group.path.rmdir()
    click.echo(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
