"""The IP addresses that the media relay (coturn) must not send to, as lines of turnserver.conf.

Callers choose the peer. Without a limit they could reach services of the relay itself and of its
network. Mail has the same limit, see `outbound/networks.py`.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from chatmaild.errors import ProtocolError

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_IPV4: Final = [
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this host, RFC 1122
        "10.0.0.0/8",  # private, RFC 1918
        "100.64.0.0/10",  # carrier-grade NAT, RFC 6598
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local, RFC 3927
        "172.16.0.0/12",  # private, RFC 1918
        "192.0.0.0/24",  # protocol assignments, RFC 6890
        "192.0.2.0/24",  # documentation, RFC 5737
        "192.88.99.0/24",  # 6to4 relays, RFC 7526
        "192.168.0.0/16",  # private, RFC 1918
        "198.18.0.0/15",  # benchmarking, RFC 2544
        "198.51.100.0/24",  # documentation, RFC 5737
        "203.0.113.0/24",  # documentation, RFC 5737
        "224.0.0.0/3",  # multicast, reserved, broadcast
    )
]
_IPV6: Final = [
    ipaddress.IPv6Network(network)
    for network in (
        # All but 2000::/3 (RFC 4291 section 2.4): among them IPv4-compatible and IPv4-mapped
        # addresses, NAT64, unique local, link-local, site-local, multicast.
        "::/3",
        "4000::/2",
        "8000::/1",
        "2001::/23",  # protocol assignments, RFC 2928: Teredo, benchmarking, ORCHID
        "2001:db8::/32",  # documentation, RFC 3849
        "2002::/16",  # 6to4, RFC 3056
        "3fff::/20",  # documentation, RFC 9637
    )
]


def own_addresses(text: str) -> list[str]:
    """Return the addresses of this machine from the output of `ip -json address`.

    Raises:
        ProtocolError: the text is something else, or has no address.
    """
    try:
        links: list[dict[str, Any]] = json.loads(text)
        found = [str(one["local"]) for link in links for one in link.get("addr_info", ())]
        own = [str(ipaddress.ip_address(address)) for address in found]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ProtocolError("standard input is not the output of `ip -json address`") from error
    if not own:
        raise ProtocolError("this machine has no IP address")
    return own


def denied(private: Iterable[str], own: Iterable[str]) -> Iterator[str]:
    """Yield `denied-peer-ip` lines: special networks without the operator's, and own addresses.

    Args:
        private: networks that the operator allows.
        own: addresses of this machine; denied within the operator's networks, too.
    """
    networks: list[_Network] = [*_IPV4, *_IPV6]
    for allowed in map(ipaddress.ip_network, private):
        networks = [rest for network in networks for rest in _without(network, allowed)]
    for network in networks:
        # coturn takes `::` for no lower end; it denies that address itself
        first = network[1] if network[0] == ipaddress.IPv6Address(0) else network[0]
        yield f"denied-peer-ip={first}-{network[-1]}"
    for address in own:
        yield f"denied-peer-ip={address}"


def _without(network: _Network, allowed: _Network) -> Iterable[_Network]:
    """What is left of a network."""
    if not network.overlaps(allowed):
        return [network]
    if network.prefixlen >= allowed.prefixlen:
        return []
    return network.address_exclude(allowed)  # type: ignore[arg-type]
