"""Wait for a condition, with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")


def wait_for(
    look: Callable[[], Value], what: str, *, within_s: float, every_s: float = 0.2
) -> Value:
    """Returns the first true value of `look`.

    Raises:
        TimeoutError: `look` stayed false for `within_s`; the message names the condition.
    """
    deadline_s = time.monotonic() + within_s
    while True:
        value = look()
        if value:
            return value
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"not within {within_s} s: {what}")
        time.sleep(every_s)
