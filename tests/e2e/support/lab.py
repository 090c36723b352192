"""The lab as a target: relays in containers here, this process in the network of its client."""

from __future__ import annotations

import os
import ssl
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from support.machine import RemoteMachine
from support.target import CommandFailedError

RECONFIGURE_S = 120
LAB = Path(__file__).parents[3] / "scripts" / "lab"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabMachine(RemoteMachine):
    """One relay of a lab."""

    lab: str
    host: str

    def argv(self, command: tuple[str, ...]) -> list[str]:
        """The command line of the lab."""
        return [str(LAB), "--name", self.lab, "exec", self.host, *command]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabTarget:
    """A lab that is up; the suite runs inside its client: `scripts/lab exec client pytest …`.

    `is_credulous`: whether certificates are not checked, as clients do with a `dclogin:` link.
    """

    name: str
    relays: Sequence[str]
    is_credulous: bool = False

    def host(self, domain: str) -> str:
        """A relay's name in the lab's DNS is its domain; a literal is its address."""
        return domain.strip("[]")

    def tls(self) -> ssl.SSLContext:
        """Trusts the lab's own authority, which the client's environment names."""
        return _credulous() if self.is_credulous else _context(os.environ["SSL_CERT_FILE"])

    def machine(self, domain: str) -> LabMachine:
        """The container of a relay."""
        return LabMachine(lab=self.name, host=domain)

    def reconfigure(self, config: Path) -> None:
        """Gives all relays another configuration, as their operators would."""
        argv = [str(LAB), "--name", self.name, "reconfigure", "--config", str(config)]
        done = subprocess.run(
            argv, capture_output=True, text=True, timeout=RECONFIGURE_S, check=False
        )
        if done.returncode:
            raise CommandFailedError(done.stderr)


@cache
def _context(authority: str) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=authority)


@cache
def _credulous() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
