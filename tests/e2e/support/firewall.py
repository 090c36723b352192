"""Closed ports and lost packets, on one relay."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from support.target import Machine

_RULES = """
table inet e2e {{
  chain in {{ type filter hook input priority 0; iif != "lo" {incoming} drop; }}
  chain out {{ type filter hook output priority 0; oif != "lo" {outgoing} drop; }}
}}
"""


@contextlib.contextmanager
def closed(machine: Machine, *ports: int) -> Iterator[None]:
    """Lets packets to these TCP ports vanish, those that come in and those that go out."""
    match = f"tcp dport {{ {', '.join(str(port) for port in ports)} }}"
    with _loaded(machine, _RULES.format(incoming=match, outgoing=match)):
        yield


@contextlib.contextmanager
def lost(machine: Machine, address: str) -> Iterator[None]:
    """Lets packets to and from an IPv4 address vanish."""
    rules = _RULES.format(incoming=f"ip saddr {address}", outgoing=f"ip daddr {address}")
    with _loaded(machine, rules):
        yield


@contextlib.contextmanager
def _loaded(machine: Machine, rules: str) -> Iterator[None]:
    machine.run("nft", "-f", "-", stdin=rules.encode())
    try:
        yield
    finally:
        machine.run("nft", "delete", "table", "inet", "e2e")
