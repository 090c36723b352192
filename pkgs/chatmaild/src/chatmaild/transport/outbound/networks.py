"""The IP addresses that a relay may connect to for a sender.

Senders choose the destination, by a domain or an address literal. Without a limit they could make
the relay connect to services of its own network (server-side request forgery).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Final

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052 section 2.1
_LOW_32_BITS: Final = (1 << 32) - 1
# Not globally routable, or a detour to an IPv4 address; not all of these are known to every version
# of `ipaddress`.
_SPECIAL: Final = [
    ipaddress.IPv6Network(network)
    for network in (
        "::/96",  # IPv4-compatible, RFC 4291 section 2.5.5.1
        "64:ff9b:1::/48",  # local NAT64, RFC 8215
        "2001::/32",  # Teredo, RFC 4380
        "2002::/16",  # 6to4, RFC 3056
        "fec0::/10",  # site-local, RFC 3879
    )
]


class Networks:
    """Globally routable addresses, and the operator's private networks.

    Args:
        private: networks in CIDR notation that are allowed although not globally routable.
    """

    def __init__(self, private: Iterable[str] = ()) -> None:
        self._private = [ipaddress.ip_network(network) for network in private]

    def allow(self, text: str) -> bool:
        """Whether an IP address may be connected to; False for anything else."""
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address):
            if address.scope_id is not None:
                return False
            address = _embedded(address) or address
        if any(address in network for network in self._private):
            return True
        is_special = any(address in network for network in _SPECIAL)
        return address.is_global and not (address.is_multicast or is_special)


def _embedded(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that packets to an IPv6 address reach."""
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & _LOW_32_BITS)
    return address.ipv4_mapped
