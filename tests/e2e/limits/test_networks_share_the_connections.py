"""Connections are limited for each IPv4 address and each IPv6 /64, alike on every port."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from chatmail_testkit.relays.lab import LabTarget
from chatmail_testkit.relays.reach.front import ip_address
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.waiting import ANSWER_S

pytestmark = pytest.mark.disturbs
USUAL = Path(__file__).parents[1] / "lab.nix"
FEW = Path(__file__).parent / "few-connections.nix"
IMAP_LIMIT, SMTP_LIMIT, WEB_LIMIT = 4, 3, 1  # a fifth of what few-connections.nix says
# addresses of the client: two of one network, and one of another
SOURCES = {
    "ipv4": ("192.0.2.201", "192.0.2.201", "192.0.2.202"),
    "ipv6": ("2001:db8:0:c1::1", "2001:db8:0:c1:ffff::1", "2001:db8:0:c2::1"),
}
CLIENT = "2001:db8::2"
RESET = "reset"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """How a port is entered, and what happens beyond the limit."""

    port: int
    limit: int
    beyond: str
    tls: bool = True
    protocol: str = ""


ENTRANCES = {
    "imap 143": Entrance(port=143, limit=IMAP_LIMIT, beyond=RESET, tls=False),
    "imap 993": Entrance(port=993, limit=IMAP_LIMIT, beyond=RESET),
    # the port is shared: all limits together
    "imap 443": Entrance(
        port=443, limit=IMAP_LIMIT + SMTP_LIMIT + WEB_LIMIT, beyond=RESET, protocol="imap"
    ),
    "smtp 25": Entrance(port=25, limit=SMTP_LIMIT, beyond="421", tls=False),
    "smtp 587": Entrance(port=587, limit=SMTP_LIMIT, beyond="421", tls=False),
    "smtp 465": Entrance(port=465, limit=SMTP_LIMIT, beyond="421"),
    "smtp 443": Entrance(port=443, limit=SMTP_LIMIT, beyond="421", protocol="smtp"),
}


@pytest.fixture(scope="module")
def few(lab: LabTarget, relay: str, machine: Machine) -> Iterator[LabTarget]:
    """Relays with small limits, which know the way to the client's other networks."""
    addresses = {source for sources in SOURCES.values() for source in sources}
    for address in addresses:
        subprocess.run(["ip", "address", "add", _with_prefix(address), "dev", "eth0"], check=True)
    machine.run("ip", "-6", "route", "add", "2001:db8:0:c0::/60", "via", CLIENT)
    lab.reconfigure(FEW)
    try:
        yield lab
    finally:
        lab.reconfigure(USUAL)
        machine.run("ip", "-6", "route", "delete", "2001:db8:0:c0::/60")
        for address in addresses:
            subprocess.run(
                ["ip", "address", "delete", _with_prefix(address), "dev", "eth0"], check=True
            )


@pytest.mark.parametrize("family", SOURCES)
@pytest.mark.parametrize("entrance", ENTRANCES)
def test_share(entrance: str, family: str, few: LabTarget, relay: str) -> None:
    """The addresses of a network share its limit; another network is let in meanwhile."""
    way = ENTRANCES[entrance]
    first, second, other = SOURCES[family]
    with contextlib.ExitStack() as connections:

        def greeting(source: str) -> str:
            return connections.enter_context(_connection(few, relay, way, source))

        welcome = [greeting(first) for _ in range(way.limit)]
        beyond = [greeting(source) for source in (first, second)]
        elsewhere = greeting(other)

    assert [text[:4] for text in welcome] == ["* OK" if "imap" in entrance else "220 "] * way.limit
    assert [text[: len(way.beyond)] for text in beyond] == [way.beyond] * 2
    assert elsewhere[:4] == welcome[0][:4]


@contextlib.contextmanager
def _connection(lab: LabTarget, relay: str, way: Entrance, source: str) -> Iterator[str]:
    """The first line of a connection that stays open; `reset` where it is not let in."""
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    with socket.socket(family) as raw:
        # at its end it is gone at once, without a state that would count for the next scenario
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raw.settimeout(ANSWER_S)
        raw.bind((source, 0))
        try:
            raw.connect((ip_address(lab, relay, family), way.port))
        except ConnectionError:
            yield RESET
            return
        with _secured(lab, way, raw) as stream:
            yield stream.recv(1000).decode()


@contextlib.contextmanager
def _secured(lab: LabTarget, way: Entrance, raw: socket.socket) -> Iterator[socket.socket]:
    if not way.tls:
        yield raw
        return
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if way.protocol:
        context.set_alpn_protocols([way.protocol])
    with context.wrap_socket(raw) as stream:
        yield stream


def _with_prefix(address: str) -> str:
    return f"{address}/128" if ":" in address else f"{address}/24"
