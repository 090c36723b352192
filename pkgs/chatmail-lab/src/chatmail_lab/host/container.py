"""The container that boots a host's operating system, and commands inside of it."""

import contextlib
import os
import re
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from chatmail_lab.errors import LabError
from chatmail_lab.machine.namespaces import NamespaceKeeper
from chatmail_lab.plan import Host

ENVIRONMENT = (
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/root",
    "LANG=C.UTF-8",
)
# what hangs fails: a lab of five hosts is up after 10 to 20 s, after 64 s at a load of 15
INIT_TIMEOUT_S = 60
READY_TIMEOUT_S = 180
# as long as the whole lab may need: see machine/namespaces.py
KILL_TIMEOUT_S = 120
# a slow neighbour explains two restarts of a unit
MAX_RESTARTS = 3

# The control group comes first: it then contains all processes of the container.
_BOOT = """
group=/sys/fs/cgroup/$1
mkdir -p "$group"
echo 0 > "$group/cgroup.procs"
shift
exec "$@" </dev/null >"$CONSOLE" 2>&1 &
"""


class NotReadyError(LabError):
    """A host did not boot, or one of its units failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """The container of a host; `mount_point` is its root, in the lab's mount namespace."""

    lab: str
    host: Host
    keeper: NamespaceKeeper
    mount_point: Path

    @property
    def control_group(self) -> str:
        """Its control group, relative to the top of the hierarchy."""
        return f"chatmail-lab-{self.lab}/{self.host.machine}"

    @property
    def console(self) -> Path:
        """The file with the output of its boot."""
        return self.mount_point.parent / "console"

    def boot(self) -> None:
        """Start the container and return at once."""
        command = [
            *("systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--boot"),
            f"--directory={self.mount_point}",
            f"--machine={self.host.machine}",
            f"--hostname={self.host.hostname}",
            f"--network-namespace-path=/run/netns/{self.host.name}",
            # the namespace is its own: chatmail-connections loads rules of nftables
            "--capability=CAP_NET_ADMIN",
            *("--console=pipe", "--link-journal=no", "--resolv-conf=off", "--timezone=off"),
        ]
        shell = ["sh", "-ec", _BOOT, "boot", self.control_group, *command]
        self.keeper.run("env", f"CONSOLE={self.console}", *shell)

    def init_pid(self) -> int | None:
        """Return the number of its init process on this machine; None if there is none (yet)."""
        init = f"sys/fs/cgroup/{self.control_group}/payload/init.scope/cgroup.procs"
        try:
            pids = (self.keeper.root / init).read_text().split()
        except OSError:
            return None
        # for a moment the group also contains children of init, whose numbers may be smaller
        return next((int(pid) for pid in pids if is_init(pid)), None)

    def is_up(self) -> bool:
        """Return whether it runs."""
        return self.init_pid() is not None

    def kill(self) -> None:
        """Kill all processes, as a power cut does; do nothing if it does not run."""
        group = self.keeper.root / "sys/fs/cgroup" / self.control_group
        if not group.is_dir():
            return
        (group / "cgroup.kill").write_text("1")
        deadline = time.monotonic() + KILL_TIMEOUT_S
        while "populated 1" in (group / "cgroup.events").read_text():
            if time.monotonic() > deadline:
                raise LabError(f"{self.host.name} does not end: see {group}/cgroup.procs")
            time.sleep(0.02)
        for folder, _, _ in os.walk(group, topdown=False):
            Path(folder).rmdir()

    def command_line(self, command: Sequence[str]) -> list[str]:
        """Return the command line that runs `command` in the container.

        Raises:
            LabError: The container does not run.
        """
        pid = self.init_pid()
        if pid is None:
            raise LabError(f"{self.host.name} does not run: see {self.console}")
        return ["nsenter", f"--target={pid}", "--all", "--", "env", "-i", *_environment(), *command]

    def exec(
        self, command: Sequence[str], *, stdin: str | None = None, timeout_s: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the container to its end; any exit code is returned."""
        return subprocess.run(
            self.command_line(command),
            input=stdin,
            stdin=None if stdin is not None else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )

    def wait_for_init(self) -> None:
        """Wait until systemd accepts commands.

        Raises:
            NotReadyError: The timeout expired; with the end of the console.
            LabError: The lab was killed, by an interrupt or by `down`.
        """
        deadline = time.monotonic() + INIT_TIMEOUT_S
        while True:
            if not self.keeper.is_alive():
                raise LabError(f"{self.host.name} did not boot: the lab was stopped")
            pid = self.init_pid()
            if pid is not None and Path(f"/proc/{pid}/root/run/systemd/private").exists():
                return
            if time.monotonic() > deadline:
                end = ""
                with contextlib.suppress(FileNotFoundError):
                    end = (self.keeper.root / str(self.console).lstrip("/")).read_text()[-2000:]
                raise NotReadyError(f"{self.host.name} did not boot:\n{end}")
            time.sleep(0.02)

    def wait_until_ready(self) -> None:
        """Wait until every unit is up.

        Raises:
            NotReadyError: A unit failed, restarts repeatedly or takes too long; with the end of its
                journal.
        """
        self.wait_for_init()
        deadline = time.monotonic() + READY_TIMEOUT_S
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.exec(["systemctl", "is-system-running", "--wait"], timeout_s=READY_TIMEOUT_S)
        # A restart that is only queued is a job; its unit still looks active.
        while starting := self._units("activating", "reloading", "failed") or self._jobs():
            broken = [unit for unit in starting if self._is_broken(unit)]
            if broken:
                raise NotReadyError(self._report(broken, "did not start"))
            if time.monotonic() > deadline:
                raise NotReadyError(self._report(starting, f"not up after {READY_TIMEOUT_S} s"))
            time.sleep(0.1)

    def _jobs(self) -> list[str]:
        """Return the units of systemd's job queue."""
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
        """Return whether a unit failed or reached the maximum of restarts."""
        shown = self.exec(["systemctl", "show", "-p", "ActiveState,NRestarts", unit]).stdout
        state = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
        restarts = int(state.get("NRestarts") or 0)
        return state.get("ActiveState") == "failed" or restarts >= MAX_RESTARTS

    def _report(self, units: Sequence[str], problem: str) -> str:
        """Return the problem with the last journal lines of these units."""
        parts = [f"{self.host.name}: {', '.join(units)} {problem}"]
        for unit in units:
            show = ["journalctl", "--no-pager", "-o", "cat", "-n", "15", "-u", unit]
            parts.append(f"--- {unit}\n{self.exec(show).stdout.rstrip()}")
        return "\n".join(parts)


def is_init(pid: str) -> bool:
    """Return whether a process is the first one of its PID namespace (proc(5), NSpid)."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    return re.search(r"^NSpid:.*\t1$", status, re.MULTILINE) is not None


def _environment() -> tuple[str, ...]:
    term = os.environ.get("TERM")
    return (*ENVIRONMENT, f"TERM={term}") if term else ENVIRONMENT
