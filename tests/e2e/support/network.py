"""Relays that are reached as anybody reaches them: NixOS test machines, or ones that serve people.

Scenarios that need the inside of a relay run where root may come in by ssh, else they are skipped.
"""

from __future__ import annotations

import shlex
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from support.machine import RemoteMachine

SSH = ("ssh", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=accept-new")


@dataclass(frozen=True, slots=True, kw_only=True)
class SshMachine(RemoteMachine):
    """One relay, by ssh as root."""

    host: str

    def argv(self, command: tuple[str, ...]) -> list[str]:
        """The command line of ssh, which hands one string to a shell."""
        return [*SSH, f"root@{self.host}", shlex.join(command)]


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkTarget:
    """Relays somewhere; `inside` says whether root may come in."""

    relays: Sequence[str]
    inside: bool

    def host(self, domain: str) -> str:
        """A relay's name in DNS is its domain."""
        return domain

    def tls(self) -> ssl.SSLContext:
        """Trusts whom this machine trusts (`SSL_CERT_FILE` says otherwise)."""
        return _context()

    def machine(self, domain: str) -> SshMachine | None:
        """The inside, where there is a way in."""
        return SshMachine(host=domain) if self.inside else None


@cache
def _context() -> ssl.SSLContext:
    return ssl.create_default_context()
