"""Stop a service of a relay, or run its queue more often, for a while."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from chatmail_testkit.relays.target import Machine


@contextlib.contextmanager
def stopped(machine: Machine, unit: str) -> Iterator[None]:
    """Stops a unit while the body runs, and starts it again."""
    machine.stop(unit)
    try:
        yield
    finally:
        machine.start(unit)


@contextlib.contextmanager
def queue_runs_often(machine: Machine) -> Iterator[None]:
    """Flushes the queue every few seconds; Postfix itself runs it every minute."""
    machine.run(
        "systemd-run", "--unit=e2e-flush", "sh", "-c", "while postqueue -f; do sleep 3; done"
    )
    try:
        yield
    finally:
        machine.run("systemctl", "stop", "e2e-flush")
