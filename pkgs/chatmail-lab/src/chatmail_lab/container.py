"""Booting a host's operating system, and running commands in it."""

import contextlib
import os
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

# The control group first, so that all of the container can be found (and counted) by it.
_BOOT = """
group=/sys/fs/cgroup/$1
mkdir -p "$group"
echo 0 > "$group/cgroup.procs"
shift
exec "$@" </dev/null >"$CONSOLE" 2>&1 &
"""


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
            f"--hostname={self.host.name}",
            f"--network-namespace-path=/run/netns/{self.host.name}",
            *("--console=pipe", "--link-journal=no", "--resolv-conf=off", "--timezone=off"),
        ]
        shell = ["sh", "-ec", _BOOT, "boot", self.group, *command]
        self.holder.run("env", f"CONSOLE={self.console}", *shell)

    def init_pid(self) -> int | None:
        """Its first process, as this machine numbers it; None if it does not run (yet)."""
        procs = self.holder.view / f"sys/fs/cgroup/{self.group}/payload/init.scope/cgroup.procs"
        try:
            return min((int(pid) for pid in procs.read_text().split()), default=None)
        except (FileNotFoundError, OSError):
            return None

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
                raise LabError(f"{self.host.name} did not boot:\n{said}")
            time.sleep(0.02)

    def wait_until_ready(self) -> None:
        """Wait until every unit is up.

        Raises:
            LabError: a unit failed, with the end of its journal, or it takes too long.
        """
        self.wait_for_init()
        try:
            state = self.exec(
                ["systemctl", "is-system-running", "--wait"], timeout_s=READY_TIMEOUT_S
            ).stdout.strip()
        except subprocess.TimeoutExpired:
            jobs = self.exec(["systemctl", "list-jobs", "--no-pager", "--no-legend"]).stdout
            raise LabError(
                f"{self.host.name}: not ready after {READY_TIMEOUT_S} s; still at:\n{jobs}"
            ) from None
        if state != "running":
            raise LabError(self.failures(state))

    def failures(self, state: str) -> str:
        """Which units failed and what they said last."""
        listed = self.exec(
            ["systemctl", "list-units", "--failed", "--plain", "--no-legend", "--no-pager"]
        ).stdout
        units = [line.split()[0] for line in listed.splitlines() if line.split()]
        parts = [f"{self.host.name} is {state}: {', '.join(units) or 'no unit failed'}"]
        for unit in units:
            log = self.exec(["journalctl", "--no-pager", "-o", "cat", "-n", "15", "-u", unit]).stdout
            parts.append(f"--- {unit}\n{log.rstrip()}")
        return "\n".join(parts)


def _environment() -> tuple[str, ...]:
    term = os.environ.get("TERM")
    return (*ENVIRONMENT, f"TERM={term}") if term else ENVIRONMENT
