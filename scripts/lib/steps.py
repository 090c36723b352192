"""Prints titles, durations and results of steps."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

_BOLD, _GREEN, _RED, _PLAIN = (
    ("\033[1m", "\033[32m", "\033[31m", "\033[0m") if sys.stdout.isatty() else ("",) * 4
)


def say(text: str) -> None:
    """Print a line and flush."""
    print(text, flush=True)


@contextmanager
def step(title: str) -> Iterator[None]:
    """Print a title, run the body, and print its duration and result; errors pass through."""
    say(f"{_BOLD}==> {title}{_PLAIN}")
    start_s = time.monotonic()
    mark = f"{_RED}failed{_PLAIN}"
    try:
        yield
        mark = f"{_GREEN}done{_PLAIN}"
    finally:
        say(f"    {title}: {mark} after {time.monotonic() - start_s:.1f} s")
