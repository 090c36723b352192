"""Labs of the tests' own; others may run beside them."""

import os
from collections.abc import Iterator

import pytest
from chatmail_lab import Lab

NAME = f"test-{os.getpid()}"


@pytest.fixture
def lab() -> Iterator[Lab]:
    """A lab that is down; it is stopped after the test."""
    made = Lab(NAME)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def running() -> Iterator[Lab]:
    """A running lab with a relay and a classic server."""
    made = Lab(f"{NAME}-up")
    try:
        made.start(["a.test"], classics=["c.test"])
        yield made
    finally:
        made.stop()
