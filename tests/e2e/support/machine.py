"""The inside of a relay by a program that runs commands there: the lab's, or ssh."""

from __future__ import annotations

import subprocess
from typing import Protocol

from support.target import CommandFailedError

LOG_LINES = 40


class RemoteMachine(Protocol):
    """One relay; whoever inherits says how a command gets there."""

    @property
    def host(self) -> str:
        """Its name, for messages."""

    def argv(self, command: tuple[str, ...]) -> list[str]:
        """The command line that runs a command inside."""

    def run(self, *command: str, stdin: bytes = b"", timeout_s: float = 30) -> str:
        """Returns the standard output of a command."""
        argv = self.argv(command)
        done = subprocess.run(
            argv, input=stdin, capture_output=True, timeout=timeout_s, check=False
        )
        if done.returncode:
            shown = done.stderr.decode(errors="replace").strip()
            raise CommandFailedError(f"{self.host}: {' '.join(command)}: {shown}")
        return done.stdout.decode(errors="replace")

    def stop(self, unit: str) -> None:
        """Stops a service."""
        self.run("systemctl", "stop", unit)

    def start(self, unit: str) -> None:
        """Starts a service, also one that systemd gave up."""
        self.run("systemctl", "reset-failed", unit)
        self.run("systemctl", "start", unit)

    def logs(self, since_s: float) -> str:
        """Returns the end of the journal."""
        options = ["--no-pager", "--output=short-precise", f"--lines={LOG_LINES}"]
        return self.run("journalctl", *options, f"--since=@{since_s:.3f}")

    def queue(self) -> str:
        """Returns Postfix' queue."""
        return self.run("postqueue", "-p")
