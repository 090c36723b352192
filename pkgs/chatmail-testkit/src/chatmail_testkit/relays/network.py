"""Relays on a network: NixOS test machines, or relays in production.

Scenarios that need a root shell use ssh; without it they are skipped.
"""

from __future__ import annotations

import shlex
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from chatmail_testkit.relays.machine import RemoteMachine

SSH = ("ssh", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=accept-new")


@dataclass(frozen=True, slots=True, kw_only=True)
class SshMachine(RemoteMachine):
    """One relay, by ssh as root."""

    host: str

    def argv(self, command: tuple[str, ...]) -> list[str]:
        """Returns the command line of ssh, which passes one string to a shell."""
        return [*SSH, f"root@{self.host}", shlex.join(command)]


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkTarget:
    """Relays with public names; `inside` says whether ssh as root works."""

    relays: Sequence[str]
    inside: bool

    def host(self, domain: str) -> str:
        """Returns the domain: it is the relay's name in DNS, too."""
        return domain

    def tls(self) -> ssl.SSLContext:
        """Trusts the authorities of this machine, or those in `SSL_CERT_FILE`."""
        return _context()

    def machine(self, domain: str) -> SshMachine | None:
        """Returns the relay's root shell if ssh works."""
        return SshMachine(host=domain) if self.inside else None


@cache
def _context() -> ssl.SSLContext:
    return ssl.create_default_context()
