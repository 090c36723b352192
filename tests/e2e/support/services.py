"""Services of a relay that do not run for a while."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from support.target import Machine


@contextlib.contextmanager
def stopped(machine: Machine, unit: str) -> Iterator[None]:
    """Stops a unit while the body runs; it is ready again afterwards."""
    machine.stop(unit)
    try:
        yield
    finally:
        machine.start(unit)
