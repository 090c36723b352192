"""The namespaces in which a lab lives, held by one sleeping process.

Mounts, bridge, containers: everything is inside, so when the holder dies the kernel takes all of it
away, and the machine outside never sees any of it. Until `keep` is called the holder also dies with
its maker.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from chatmail_lab.errors import LabError
from chatmail_lab.run import run

START_TIMEOUT_S = 10
STOP_TIMEOUT_S = 20

# Line by line: a private /run, where network namespaces are pinned; a pure cgroup v2 tree, whatever
# the machine has, since systemd in the containers wants one; the switch that joins the hosts. After
# "ready" the maker either says "keep" or dies, which ends the `read`. The sleeper ignores SIGCHLD:
# so the kernel reaps what is left to it as the first process of the namespace.
_SCRIPT = """
set -e
mount -t tmpfs -o mode=755 lab /run
mkdir /run/netns
umount -R /sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 cgroup2 /sys/fs/cgroup
ip link set lo up
ip link add bridge0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0
ip link set bridge0 up
echo ready
read -r word
[ "$word" = keep ]
trap '' CHLD
exec sleep infinity
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A running holder; `started` tells it from a later process with the same number."""

    pid: int
    started: str

    @property
    def view(self) -> Path:
        """The lab's file system as seen from outside."""
        return Path(f"/proc/{self.pid}/root")

    def is_alive(self) -> bool:
        """Whether the lab still exists."""
        return _start_time(self.pid) == self.started

    def inside(self, *command: str) -> list[str]:
        """The command line that runs `command` in the lab's namespaces."""
        return ["nsenter", f"--target={self.pid}", "--mount", "--net", "--pid", "--", *command]

    def run(self, *command: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command in the lab's namespaces to its end."""
        return run(self.inside(*command), stdin=stdin)

    def script(self, lines: Sequence[str]) -> None:
        """Run shell lines in the lab's namespaces; the first that fails ends it."""
        self.run("sh", "-ec", "\n".join(lines))

    def end(self) -> None:
        """Kill it, and with it all processes, mounts and interfaces of the lab."""
        if not self.is_alive():
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while self.is_alive():
            if time.monotonic() > deadline:
                raise LabError(f"process {self.pid} does not end; see `ps {self.pid}`")
            time.sleep(0.02)


# referred to for as long as we live, since nobody waits for their end
_OUTLIVING: list[subprocess.Popen[str]] = []


class Starting:
    """A holder that dies with us until it is kept."""

    def __init__(self) -> None:
        self._kept = False
        self._process = subprocess.Popen(
            [
                *("unshare", "--mount", "--net", "--pid", "--ipc", "--fork", "--kill-child"),
                *("--mount-proc", "--propagation=private", "sh", "-c", _SCRIPT),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        if said.strip() != "ready":
            said += self._process.communicate()[0]
            raise LabError(f"this machine does not let us make namespaces: {said.strip()}")
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        pid = int(children.read_text().split()[0])
        self.holder = Holder(pid=pid, started=_start_time(pid))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._kept:
            self.holder.end()
            self._process.communicate()

    def keep(self) -> None:
        """From now on the holder outlives us."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._kept = True
        self._process.stdin.write("keep\n")
        self._process.stdin.close()
        self._process.stdout.close()
        _OUTLIVING.append(self._process)


def _start_time(pid: int) -> str:
    """Start of a process in clock ticks since boot (proc_pid_stat(5), field 22); empty if gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]
