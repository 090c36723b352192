"""The deadline of all tests: for what takes milliseconds, on a machine that is busy."""

import time
from collections.abc import Callable
from typing import Final

# what hangs fails; below 60 s, for which the code itself waits at most for an answer
DEADLINE_S: Final = 50.0
_POLL_S: Final = 0.005


def until(condition: Callable[[], bool], what: str = "the condition") -> None:
    """Wait until a condition holds.

    Raises:
        AssertionError: it does not.
    """
    deadline_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline_s, f"not within {DEADLINE_S:.0f} s: {what}"
        time.sleep(_POLL_S)
