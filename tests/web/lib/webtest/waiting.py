"""Wait for a condition, with a deadline."""

import time
from collections.abc import Callable

DEADLINE_S = 40.0
PAUSE_S = 0.02


def until(condition: Callable[[], object], what: str, *, within_s: float = DEADLINE_S) -> None:
    """Return as soon as the condition holds.

    Raises:
        TimeoutError: it did not hold within `within_s`.
    """
    end_s = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > end_s:
            raise TimeoutError(f"{what}: not within {within_s} s")
        time.sleep(PAUSE_S)
