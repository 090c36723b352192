"""A lab of the tests' own, beside whatever else runs."""

import os
from collections.abc import Iterator

import pytest
from chatmail_lab import Lab

NAME = f"test-{os.getpid()}"


@pytest.fixture
def lab() -> Iterator[Lab]:
    """A lab that is not up yet; it is taken down afterwards."""
    made = Lab(NAME)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def running() -> Iterator[Lab]:
    """A lab with a relay and a classic server."""
    made = Lab(f"{NAME}-up")
    try:
        made.start(["a.test"], classics=["c.test"])
        yield made
    finally:
        made.stop()
