"""Which IP addresses a relay may connect to for a sender."""

import pytest

from chatmaild.transport.outbound.networks import Networks

PUBLIC = [
    "9.9.9.9", "2620:fe::fe", "::ffff:9.9.9.9", "64:ff9b::9.9.9.9",
]  # fmt: skip
PRIVATE = [
    "10.1.2.3", "127.0.0.1", "0.0.0.0", "169.254.1.1", "172.16.0.1", "192.168.1.1", "100.64.0.1",
    "192.0.2.1", "198.18.0.1", "198.51.100.7", "203.0.113.1", "224.0.0.1", "239.255.255.250",
    "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::9.9.9.9", "::ffff:127.0.0.1", "::ffff:10.1.2.3",
    "64:ff9b::10.1.2.3", "64:ff9b::127.0.0.1", "64:ff9b:1::9.9.9.9", "2002:a01:203::1",
    "2002:7f00:1::1", "2002:909:909::1",
    "2001:0:a01:203::1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1",
    "fd12::1", "ff02::1", "2001:db8::1",
    "", "localhost", "10.1.2.3/8", "[9.9.9.9]", "0x7f000001", "2130706433", "127.1",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses(address: str) -> None:
    """Globally routable, also inside of an IPv6 address."""
    assert Networks().allow(address)


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_that_senders_must_not_reach(address: str) -> None:
    """Private, special, multicast, or hidden in IPv6; and what is not an IP address."""
    assert not Networks().allow(address)


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("192.168.1.7", True),
        ("::ffff:192.168.1.7", True),
        ("fd12:3456::1", True),
        ("192.168.2.7", False),
        ("fd12:3457::1", False),
        ("9.9.9.9", True),
    ],
)
def test_private_networks_of_the_operator(address: str, allowed: bool) -> None:
    """They are allowed beside the public ones."""
    assert Networks(["192.168.1.0/24", "fd12:3456::/32"]).allow(address) == allowed
