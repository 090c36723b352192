"""How long work takes, for tests of what grows with the input."""

import time
from collections.abc import Callable


def is_quick(work: Callable[[], object], most_s: float) -> bool:
    """Whether one of five tries takes less CPU time than that: a busy machine only adds to it."""
    for _ in range(5):
        started_s = time.thread_time()
        work()
        if time.thread_time() - started_s < most_s:
            return True
    return False


def seconds(work: Callable[[], object]) -> float:
    """CPU time of the work: the least of five tries, because other programs disturb the rest."""
    tries = []
    for _ in range(5):
        started_s = time.thread_time()
        work()
        tries.append(time.thread_time() - started_s)
    return min(tries)
