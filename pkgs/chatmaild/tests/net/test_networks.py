"""What counts as one network."""

import pytest

from chatmaild.net.networks import network, site


@pytest.mark.parametrize(
    ("ip", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("nonsense", ""),
        ("", ""),
    ],
)
def test_one_host_can_have_a_whole_64(ip: str, expected: str) -> None:
    """An IPv4 address inside of IPv6 is itself."""
    assert network(ip) == expected


def test_a_site_has_a_48() -> None:
    """And so many networks."""
    assert site("2001:db8:1:2::1") == site("2001:db8:1:3::1") == "2001:db8:1::/48"
