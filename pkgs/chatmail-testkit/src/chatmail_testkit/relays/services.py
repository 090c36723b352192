"""Stop a service of a relay for a while."""

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
