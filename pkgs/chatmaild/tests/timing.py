"""How long work takes, for tests of what grows with the input."""

import time
from collections.abc import Callable


def seconds(work: Callable[[], object]) -> float:
    """CPU time of the work: the least of five tries, because other programs disturb the rest."""
    tries = []
    for _ in range(5):
        started_s = time.thread_time()
        work()
        tries.append(time.thread_time() - started_s)
    return min(tries)
