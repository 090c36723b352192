"""A wait ends with the first true value, or says what did not happen."""

from __future__ import annotations

import itertools

import pytest

from chatmail_testkit.waiting import wait_for


def test_the_first_true_value() -> None:
    """Is returned."""
    values = itertools.chain([0, 0], itertools.count(7))

    assert wait_for(lambda: next(values), "a number", within_s=5, every_s=0) == 7


def test_the_deadline() -> None:
    """The error names the condition."""
    with pytest.raises(TimeoutError, match="rain"):
        wait_for(lambda: False, "rain", within_s=0, every_s=0)
