"""Which IP addresses the media relay must not send to."""

import ipaddress
import json
from collections.abc import Sequence

import pytest

from chatmaild.errors import ProtocolError
from chatmaild.transport.media_peers import denied, own_addresses
from chatmaild.transport.outbound.networks import Networks

PUBLIC = ["9.9.9.9", "1.1.1.1", "192.0.1.1", "2620:fe::fe", "2001:200::1", "3ffe::1"]
SPECIAL = [
    "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.31.255.255",
    "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.19.255.255", "198.51.100.1",
    "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "::1", "::127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "64:ff9b:1::1", "100::1",
    "2001::1", "2001:2::1", "2001:db8::1", "2002:7f00:1::1", "3fff::1", "5f00::1", "fc00::1",
    "fd12::1", "fe80::1", "fec0::1", "ff02::1",
]  # fmt: skip


def is_denied(
    address: str, private: Sequence[str] = (), own: Sequence[str] = ("198.41.0.4", "2001:503::1")
) -> bool:
    """Whether coturn would refuse a peer, by the lines."""
    peer = ipaddress.ip_address(address)
    for line in denied(private, own):
        first, _, last = line.removeprefix("denied-peer-ip=").partition("-")
        low, high = ipaddress.ip_address(first), ipaddress.ip_address(last or first)
        if peer.version == low.version and int(low) <= int(peer) <= int(high):
            return True
    return False


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses(address: str) -> None:
    """Callers are there."""
    assert not is_denied(address)


@pytest.mark.parametrize("address", SPECIAL)
def test_special_addresses(address: str) -> None:
    """Every range that mail does not go to either."""
    assert is_denied(address)


def test_mail_and_media_agree() -> None:
    """At each edge of a denied range: what mail may not reach, media may not reach."""
    lines = [line.removeprefix("denied-peer-ip=") for line in denied([], [])]
    edges = [ipaddress.ip_address(edge) for line in lines for edge in line.split("-")]
    probes = [
        str(type(edge)(int(edge) + by))
        for edge in edges
        for by in (-1, 0, 1)
        if 0 < int(edge) + by < 2**edge.max_prefixlen
    ]

    assert [probe for probe in probes if not (Networks().allow(probe) or is_denied(probe))] == []


def test_own_addresses() -> None:
    """Of every interface; within a network of the operator, too."""
    own = own_addresses(
        json.dumps(
            [
                {"ifname": "lo", "addr_info": [{"local": "127.0.0.1"}, {"local": "::1"}]},
                {"ifname": "eth0", "addr_info": [{"local": "198.41.0.4"}, {"local": "fd12::4"}]},
                {},
            ]
        )
    )

    assert own == ["127.0.0.1", "::1", "198.41.0.4", "fd12::4"]
    assert is_denied("198.41.0.4", own=own)
    assert is_denied("fd12::4", private=["fd12::/16"], own=own)
    assert not is_denied("fd12::5", private=["fd12::/16"], own=own)


@pytest.mark.parametrize("text", ["", "{}", "[]", "[1]", '[{"addr_info": [{"local": "eth0"}]}]'])
def test_what_is_no_list_of_addresses(text: str) -> None:
    """The media relay does not start without its own addresses."""
    with pytest.raises(ProtocolError):
        own_addresses(text)


@pytest.mark.parametrize(
    ("address", "refused"),
    [
        ("192.168.1.7", False),
        ("192.168.2.7", True),
        ("10.1.2.3", False),
        ("fd12:3456::1", False),
        ("fd12:3457::1", True),
    ],
)
def test_private_networks_of_the_operator(address: str, refused: bool) -> None:
    """Part of a special range, one that is a whole range, and one around others."""
    networks = ["192.168.1.0/24", "10.0.0.0/8", "fd12:3456::/32"]

    assert is_denied(address, private=networks) == refused
