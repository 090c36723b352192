"""The lab as a target: relays in containers here, this process in the network of its client."""

from __future__ import annotations

import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from support.machine import RemoteMachine

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
