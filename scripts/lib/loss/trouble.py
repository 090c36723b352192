"""Failures of hosts during the mail exchange: killed daemons, lost packets, a full disk."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import labs
from steps import say

RELAY_UNITS = (
    *("postfix", "dovecot", "nginx", "unbound"),
    *("chatmail-filter", "chatmail-accounts", "chatmail-transport"),
)
CUT_S = 8.0
FULL_S = 20.0
FILLING = "/var/lib/filling"
FILL = f"cat /dev/zero > {FILLING} 2> /dev/null || true"
# systemd restarts our units; those of a classic server are restarted here
CLASSIC_UNITS = ("postfix", "dovecot")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A failure: its name, its begin, and its end after `lasts_s` seconds."""

    name: str
    begin: Callable[[], object]
    end: Callable[[], object] = lambda: None
    lasts_s: float = 0.0

    def happen(self, over: threading.Event) -> None:
        """Begins, waits for `lasts_s` or the end of the test, and always ends it."""
        say(f"    {self.name}")
        try:
            self.begin()
            over.wait(self.lasts_s)
        finally:
            self.end()


def troubles(lab: str, relays: Sequence[str], classic: str, seed: int) -> list[Trouble]:
    """Return all failures in random order: each daemon is killed, each host cut off once."""
    listed = [
        *(killed(lab, relay, unit) for relay in relays for unit in RELAY_UNITS),
        *(killed(lab, classic, unit, start=True) for unit in CLASSIC_UNITS),
        *(cut_off(lab, host) for host in (*relays, classic)),
        full(lab, relays[-1]),
    ]
    random.Random(seed).shuffle(listed)  # noqa: S311 - to be repeatable
    return listed


def spread(listed: Sequence[Trouble], seconds: float, over: threading.Event) -> None:
    """Run the failures one by one, evenly over `seconds`, until `over` is set."""
    start_s = time.monotonic()
    for number, trouble in enumerate(listed):
        begin_s = start_s + seconds * (number + 0.5) / len(listed)
        if over.wait(max(0.0, begin_s - time.monotonic())):
            return
        trouble.happen(over)


def killed(lab: str, host: str, unit: str, *, start: bool = False) -> Trouble:
    """Return a SIGKILL of all processes of a service."""

    def kill() -> None:
        labs.output(lab, host, "systemctl", "kill", "--signal=KILL", "--kill-whom=all", unit)
        if start:
            labs.output(lab, host, "systemctl", "restart", unit)

    return Trouble(name=f"{host}: kill -9 {unit}", begin=kill)


def cut_off(lab: str, host: str) -> Trouble:
    """Return a loss of all packets from and to a host."""
    return Trouble(
        name=f"{host}: cut off for {CUT_S:g} s",
        begin=lambda: labs.command(lab, "cut", host),
        end=lambda: labs.command(lab, "heal", host),
        lasts_s=CUT_S,
    )


def full(lab: str, host: str) -> Trouble:
    """Return a full disk."""
    return Trouble(
        name=f"{host}: disk full for {FULL_S:g} s",
        begin=lambda: labs.output(lab, host, "sh", "-c", FILL),
        end=lambda: labs.output(lab, host, "rm", "-f", FILLING),
        lasts_s=FULL_S,
    )
