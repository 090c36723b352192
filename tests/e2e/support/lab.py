"""The lab as a target: relays in containers here, this process in the network of its client."""

from __future__ import annotations

import os
import ssl
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from support.target import CommandFailedError

LOG_LINES = 40
LAB = Path(__file__).parents[3] / "scripts" / "lab"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabMachine:
    """One relay of a lab."""

    lab: str
    host: str

    def run(self, *command: str, stdin: bytes = b"", timeout_s: float = 30) -> str:
        """Returns the standard output of a command."""
        argv = [str(LAB), "--name", self.lab, "exec", self.host, *command]
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


@dataclass(frozen=True, slots=True, kw_only=True)
class LabTarget:
    """A lab that is up; the suite runs inside its client: `scripts/lab exec client pytest …`."""

    name: str
    relays: Sequence[str]

    def host(self, domain: str) -> str:
        """A relay's name in the lab's DNS is its domain."""
        return domain

    def tls(self) -> ssl.SSLContext:
        """Trusts the lab's own authority, which the client's environment names."""
        return _context(os.environ["SSL_CERT_FILE"])

    def machine(self, domain: str) -> LabMachine:
        """The container of a relay."""
        return LabMachine(lab=self.name, host=domain)


@cache
def _context(authority: str) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=authority)
