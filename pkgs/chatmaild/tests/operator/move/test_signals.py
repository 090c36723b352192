"""Signals during a move."""

import os
import signal

import pytest

from chatmaild.errors import ChatmaildError
from chatmaild.operator.move.signals import deferred, raised


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
def test_an_interruption_is_an_error(number: signal.Signals) -> None:
    """So the steps before the switch are undone; the handlers of before come back."""
    before = signal.getsignal(number)
    with pytest.raises(ChatmaildError, match=number.name), raised():
        os.kill(os.getpid(), number)

    assert signal.getsignal(number) == before


def test_the_switch_is_not_interrupted() -> None:
    """It takes seconds."""
    with deferred():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
