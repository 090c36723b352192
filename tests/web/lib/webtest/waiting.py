"""Wait for a condition. One deadline for all waits: what hangs fails."""

import time
from collections.abc import Callable

DEADLINE_S = 120.0
PAUSE_S = 0.02


def until(condition: Callable[[], object], what: str) -> None:
    """Return as soon as the condition holds.

    Raises:
        TimeoutError: it did not hold within `DEADLINE_S`.
    """
    end_s = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > end_s:
            raise TimeoutError(f"{what}: not within {DEADLINE_S} s")
        time.sleep(PAUSE_S)
