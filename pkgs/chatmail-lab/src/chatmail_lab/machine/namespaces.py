"""The namespaces of a lab, and the sleeping process that keeps them alive.

All mounts, interfaces, containers and processes of a lab exist only in its namespaces. When the
keeper dies, the kernel removes them. Until `keep` is called, the keeper dies with its parent.
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
from chatmail_lab.machine.commands import run

# the kernel takes up to 16 ms for each session in IDLE that Dovecot has hibernated
STOP_TIMEOUT_S = 120

# In order: a private /run, where `ip netns` pins network namespaces; a pure cgroup v2 hierarchy,
# which systemd in the containers expects, whatever the machine has; the bridge of all hosts.
# `read` then ends by the line "keep" or by the death of the parent. With SIGCHLD ignored, the
# kernel reaps the orphans of this PID namespace.
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
class NamespaceKeeper:
    """The running process; `started` tells it from a later process with the same number."""

    pid: int
    started: str

    @property
    def root(self) -> Path:
        """The root of the lab's mount namespace, as a path of this machine."""
        return Path(f"/proc/{self.pid}/root")

    def is_alive(self) -> bool:
        """Return whether the namespaces exist."""
        return _start_time(self.pid) == self.started

    def command_line(self, *command: str) -> list[str]:
        """Return the command line that runs `command` in the lab's namespaces."""
        return ["nsenter", f"--target={self.pid}", "--mount", "--net", "--pid", "--", *command]

    def run(self, *command: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command in the lab's namespaces to its end."""
        return run(self.command_line(*command), stdin=stdin)

    def run_shell(self, lines: Sequence[str]) -> None:
        """Run shell lines in the lab's namespaces, until the first one fails."""
        self.run("sh", "-ec", "\n".join(lines))

    def kill(self) -> None:
        """Kill the keeper, and so all processes, mounts and interfaces of the lab."""
        if not self.is_alive():
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while self.is_alive():
            if time.monotonic() > deadline:
                raise LabError(f"process {self.pid} does not end: see `ps {self.pid}`")
            time.sleep(0.02)


# Kept referenced: Popen warns when it is collected before its process ends.
_KEPT: list[subprocess.Popen[str]] = []


class NewNamespaces:
    """New namespaces; at the end of the context their keeper is killed, unless it is kept."""

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
        output = self._process.stdout.readline()
        if output.strip() != "ready":
            output += self._process.communicate()[0]
            raise LabError(f"this machine does not allow namespaces: {output.strip()}")
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        pid = int(children.read_text().split()[0])
        self.keeper = NamespaceKeeper(pid=pid, started=_start_time(pid))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._kept:
            self.keeper.kill()
            self._process.communicate()

    def keep(self) -> None:
        """Let the keeper outlive this process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._kept = True
        self._process.stdin.write("keep\n")
        self._process.stdin.close()
        self._process.stdout.close()
        _KEPT.append(self._process)


def _start_time(pid: int) -> str:
    """Return the start of a process in clock ticks since boot (proc_pid_stat(5), field 22).

    It is empty if the process does not exist or is a zombie.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]
