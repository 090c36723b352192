"""Machines of a lab die, or lose the way to each other."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from imapclient.exceptions import IMAPClientError

from chatmail_testkit.mail.imap import Imap
from chatmail_testkit.relays.lab import LabTarget
from chatmail_testkit.relays.target import Machine

# a front notices within 4 s that a store is silent
ENDS_S = 10
TABLE = "e2e_apart"
_RULES = """
table inet {table} {{
  chain in {{ type filter hook input priority -10; {incoming} }}
  chain out {{ type filter hook output priority -10; {outgoing} }}
}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontTarget(LabTarget):
    """A lab of which clients know one front only; they do not check the certificate's name."""

    front: str
    domain: str
    is_credulous: bool = field(default=True, init=False)

    def host(self, domain: str) -> str:
        """Returns the front, or another domain as it is."""
        return self.front if domain == self.domain else domain.strip("[]")


@dataclass(slots=True, kw_only=True)
class PowerCut:
    """A machine without power: it is silent, and its processes are gone."""

    lab: LabTarget
    host: str
    is_off: bool = False

    def begin(self) -> None:
        """Cut the network first: a dead machine closes no connection."""
        self.lab.cut(self.host)
        self.is_off = True
        self.lab.stop(self.host)

    def end(self) -> None:
        """Boot the machine, and return when all its units run."""
        if self.is_off:
            self.lab.heal(self.host)
            self.lab.start(self.host)
            self.is_off = False


@contextlib.contextmanager
def power_cut(lab: LabTarget, host: str) -> Iterator[PowerCut]:
    """A machine loses its power; it is back at the end, or when the body ends it."""
    cut = PowerCut(lab=lab, host=host)
    try:
        cut.begin()
        yield cut
    finally:
        cut.end()


@contextlib.contextmanager
def alone(lab: LabTarget, host: str) -> Iterator[None]:
    """All packets to and from a machine are lost; its processes go on."""
    lab.cut(host)
    try:
        yield
    finally:
        lab.heal(host)


@contextlib.contextmanager
def apart(
    machine: Machine, addresses: tuple[str, ...], *, incoming: bool = True, outgoing: bool = True
) -> Iterator[None]:
    """Packets from and to the IP addresses of another machine are lost, or those of one way."""
    rules = _RULES.format(
        table=TABLE,
        incoming=" ".join(_drop("saddr", one) for one in addresses if incoming),
        outgoing=" ".join(_drop("daddr", one) for one in addresses if outgoing),
    )
    machine.run("nft", "-f", "-", stdin=rules.encode())
    try:
        yield
    finally:
        machine.run("nft", "delete", "table", "inet", TABLE)


def ends(session: Imap) -> bool:
    """Returns whether the relay ends a session in IDLE in time."""
    try:
        return bool(session.notices(within_s=ENDS_S))
    except (IMAPClientError, OSError):
        return True


def _drop(direction: str, address: str) -> str:
    family = "ip6" if ":" in address else "ip"
    return f"{family} {direction} {address} drop;"
