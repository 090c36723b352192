"""Drop packets, remove routes and count connections on one relay."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator

from chatmail_testkit.relays.target import Machine

_RULES = """
table inet e2e {{
  chain in {{ type filter hook input priority 0; iif != "lo" {incoming} drop; }}
  chain out {{ type filter hook output priority 0; oif != "lo" {outgoing} drop; }}
}}
"""
_COUNTER = """
table inet e2e_count {{
  chain out {{ type filter hook output priority -1;
    oif != "lo" tcp dport {port} tcp flags & (syn | ack) == syn counter
  }}
}}
"""
_COUNTER_TO = """
table inet e2e_count {{
  chain out {{ type filter hook output priority -1;
    ip daddr {ipv4} counter
    ip6 daddr {ipv6} counter
  }}
}}
"""
Count = Callable[[], int]


@contextlib.contextmanager
def counted(machine: Machine, port: int) -> Iterator[Count]:
    """Counts SYN packets from the machine to a TCP port of others, retransmissions included.

    Connections for mail are under TLS, so each has one handshake.
    """

    def count() -> int:
        listed = machine.run("nft", "list", "table", *table)
        counters = re.findall(r"counter packets (\d+)", listed)
        assert counters
        return sum(map(int, counters))

    table = ("inet", "e2e_count")
    machine.run("nft", "-f", "-", stdin=_COUNTER.format(port=port).encode())
    try:
        yield count
    finally:
        machine.run("nft", "delete", "table", *table)


@contextlib.contextmanager
def counted_to(machine: Machine, ipv4: str, ipv6: str) -> Iterator[Count]:
    """Gives a machine two more IP addresses, and counts the packets that it sends to them."""

    def count() -> int:
        listed = machine.run("nft", "list", "table", *table)
        return sum(map(int, re.findall(r"counter packets (\d+)", listed)))

    table = ("inet", "e2e_count")
    machine.run("ip", "address", "add", f"{ipv4}/32", "dev", "lo")
    machine.run("ip", "address", "add", f"{ipv6}/128", "dev", "lo")
    machine.run("nft", "-f", "-", stdin=_COUNTER_TO.format(ipv4=ipv4, ipv6=ipv6).encode())
    try:
        yield count
    finally:
        machine.run("nft", "delete", "table", *table)
        machine.run("ip", "address", "delete", f"{ipv4}/32", "dev", "lo")
        machine.run("ip", "address", "delete", f"{ipv6}/128", "dev", "lo")


@contextlib.contextmanager
def closed(machine: Machine, *ports: int) -> Iterator[None]:
    """Drops packets to these TCP ports, incoming and outgoing."""
    match = f"tcp dport {{ {', '.join(str(port) for port in ports)} }}"
    with _loaded(machine, _RULES.format(incoming=match, outgoing=match)):
        yield


@contextlib.contextmanager
def lost(machine: Machine, address: str) -> Iterator[None]:
    """Drops packets to and from an IPv4 address."""
    rules = _RULES.format(incoming=f"ip saddr {address}", outgoing=f"ip daddr {address}")
    with _loaded(machine, rules):
        yield


@contextlib.contextmanager
def without_route(machine: Machine, address: str) -> Iterator[None]:
    """Makes an IP address unreachable, like on a machine without IPv4 or IPv6."""
    family = "-6" if ":" in address else "-4"
    machine.run("ip", family, "route", "add", "unreachable", address)
    try:
        yield
    finally:
        machine.run("ip", family, "route", "delete", "unreachable", address)


@contextlib.contextmanager
def _loaded(machine: Machine, rules: str) -> Iterator[None]:
    machine.run("nft", "-f", "-", stdin=rules.encode())
    try:
        yield
    finally:
        machine.run("nft", "delete", "table", "inet", "e2e")
