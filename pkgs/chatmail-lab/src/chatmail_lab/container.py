"""Booting a host's operating system, and running commands in it."""

import contextlib
import os
import re
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from chatmail_lab.errors import LabError
from chatmail_lab.holder import Holder
from chatmail_lab.plan import Host

ENVIRONMENT = (
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/root",
    "LANG=C.UTF-8",
)
INIT_TIMEOUT_S = 15
READY_TIMEOUT_S = 90
MOST_RESTARTS = 3

# The control group first, so that all of the container can be found (and counted) by it.
_BOOT = """
group=/sys/fs/cgroup/$1
mkdir -p "$group"
echo 0 > "$group/cgroup.procs"
shift
exec "$@" </dev/null >"$CONSOLE" 2>&1 &
"""


class NotReadyError(LabError):
    """A host does not come up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A booted host. `merged` is its root directory, in the lab's mount namespace."""

    lab: str
    host: Host
    holder: Holder
    merged: Path

    @property
    def group(self) -> str:
        """Its control group, relative to the top of the tree."""
        return f"chatmail-lab-{self.lab}/{self.host.machine}"

    @property
    def console(self) -> Path:
        """File with what the boot printed."""
        return self.merged.parent / "console"

    def boot(self) -> None:
        """Start it and return at once."""
        command = [
            *("systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--boot"),
            f"--directory={self.merged}",
            f"--machine={self.host.machine}",
            f"--hostname={self.host.hostname}",
            f"--network-namespace-path=/run/netns/{self.host.name}",
            # the namespace is its own: chatmail-connections loads rules of nftables
            "--capability=CAP_NET_ADMIN",
            *("--console=pipe", "--link-journal=no", "--resolv-conf=off", "--timezone=off"),
        ]
        shell = ["sh", "-ec", _BOOT, "boot", self.group, *command]
        self.holder.run("env", f"CONSOLE={self.console}", *shell)

    def init_pid(self) -> int | None:
        """Its first process, as this machine numbers it; None if it does not run (yet)."""
        procs = self.holder.view / f"sys/fs/cgroup/{self.group}/payload/init.scope/cgroup.procs"
        try:
            pids = procs.read_text().split()
        except OSError:
            return None
        # beside it there are for a moment those that it starts, whose numbers may be smaller
        return next((int(pid) for pid in pids if is_init(pid)), None)

    def inside(self, command: Sequence[str]) -> list[str]:
        """The command line that runs `command` in the container.

        Raises:
            LabError: it does not run.
        """
        pid = self.init_pid()
        if pid is None:
            raise LabError(f"{self.host.name} does not run; see {self.console}")
        return ["nsenter", f"--target={pid}", "--all", "--", "env", "-i", *_environment(), *command]

    def exec(
        self, command: Sequence[str], *, stdin: str | None = None, timeout_s: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Result of a command in the container, whatever its exit code."""
        return subprocess.run(
            self.inside(command),
            input=stdin,
            stdin=None if stdin is not None else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )

    def wait_for_init(self) -> None:
        """Wait until systemd can be talked to.

        Raises:
            LabError: not in time; with what the boot printed.
        """
        deadline = time.monotonic() + INIT_TIMEOUT_S
        while True:
            pid = self.init_pid()
            if pid is not None and Path(f"/proc/{pid}/root/run/systemd/private").exists():
                return
            if time.monotonic() > deadline:
                said = ""
                with contextlib.suppress(FileNotFoundError):
                    said = (self.holder.view / str(self.console).lstrip("/")).read_text()[-2000:]
                raise NotReadyError(f"{self.host.name} did not boot:\n{said}")
            time.sleep(0.02)

    def wait_until_ready(self) -> None:
        """Wait until every unit is up.

        Raises:
            NotReadyError: a unit failed, starts again and again, or takes too long; with the end of
                its journal.
        """
        self.wait_for_init()
        deadline = time.monotonic() + READY_TIMEOUT_S
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.exec(["systemctl", "is-system-running", "--wait"], timeout_s=READY_TIMEOUT_S)
        # a restart that was only ordered yet is a job, and its unit looks as it did before
        while starting := self._units("activating", "reloading", "failed") or self._jobs():
            broken = [unit for unit in starting if self._is_broken(unit)]
            if broken:
                raise NotReadyError(self._report(broken, "did not start"))
            if time.monotonic() > deadline:
                raise NotReadyError(self._report(starting, f"not up after {READY_TIMEOUT_S} s"))
            time.sleep(0.1)

    def _jobs(self) -> list[str]:
        """Units for which systemd has something to do."""
        listed = self.exec(["systemctl", "list-jobs", "--plain", "--no-legend", "--no-pager"])
        return [line.split()[1] for line in listed.stdout.splitlines() if len(line.split()) > 1]

    def _units(self, *states: str) -> list[str]:
        listed = self.exec(
            [
                *("systemctl", "list-units", "--plain", "--no-legend", "--no-pager"),
                f"--state={','.join(states)}",
            ]
        ).stdout
        return [line.split()[0] for line in listed.splitlines() if line.split()]

    def _is_broken(self, unit: str) -> bool:
        """Whether a unit failed, or was started more often than a slow neighbour explains."""
        shown = self.exec(["systemctl", "show", "-p", "ActiveState,NRestarts", unit]).stdout
        state = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
        restarts = int(state.get("NRestarts") or 0)
        return state.get("ActiveState") == "failed" or restarts >= MOST_RESTARTS

    def _report(self, units: Sequence[str], what: str) -> str:
        """What these units said last."""
        parts = [f"{self.host.name}: {', '.join(units)} {what}"]
        for unit in units:
            show = ["journalctl", "--no-pager", "-o", "cat", "-n", "15", "-u", unit]
            parts.append(f"--- {unit}\n{self.exec(show).stdout.rstrip()}")
        return "\n".join(parts)


def is_init(pid: str) -> bool:
    """Whether that process is the first one of its namespace (proc(5), NSpid)."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    return re.search(r"^NSpid:.*\t1$", status, re.MULTILINE) is not None


def _environment() -> tuple[str, ...]:
    term = os.environ.get("TERM")
    return (*ENVIRONMENT, f"TERM={term}") if term else ENVIRONMENT
