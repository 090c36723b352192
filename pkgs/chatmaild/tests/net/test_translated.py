"""IP addresses that others do not see."""

import pytest

from chatmaild.net.translated import is_translated


@pytest.mark.parametrize(
    ("address", "expected"),
    [("10.1.2.3", True), ("100.64.0.1", True), ("fd00::1", True), ("9.9.9.9", False)],
)
def test_private_networks(address: str, expected: bool) -> None:
    """A router translates them."""
    assert is_translated(address) is expected
