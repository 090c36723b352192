"""A lost ssh session of the operator, or Ctrl-C, ends a move in order."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Final

from chatmaild.errors import ChatmaildError

_SIGNALS: Final = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def raised() -> Iterator[None]:
    """Raise an error at a signal, so that what was stopped starts again."""

    def interrupt(number: int, _: FrameType | None) -> None:
        raise ChatmaildError(f"interrupted by {signal.Signals(number).name}")

    with _handled(interrupt):
        yield


@contextlib.contextmanager
def deferred() -> Iterator[None]:
    """Ignore signals: the switch takes seconds, and has no half."""

    def ignore(_number: int, _frame: FrameType | None) -> None:
        pass

    with _handled(ignore):
        yield


@contextlib.contextmanager
def _handled(handler: object) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in _SIGNALS}  # type: ignore[arg-type]
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
