"""The orders of a machine."""

import pathlib

import pytest

from .stand_in import StandIn


@pytest.fixture
def lego(tmp_path: pathlib.Path, audited: list[str]) -> StandIn:
    """A stand-in for lego and its server; the machine has no account yet."""
    return StandIn(tmp_path)
