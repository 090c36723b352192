"""IP addresses that others do not see."""

import ipaddress
from typing import Final

# RFC 1918, RFC 6598, RFC 3927, RFC 4193: a router translates these addresses
_TRANSLATED: Final = [
    ipaddress.ip_network(text)
    for text in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16"),
        "fc00::/7",
    )
]


def is_translated(address: str) -> bool:
    """Whether a router translates this IP address into a public one."""
    ip = ipaddress.ip_address(address)
    return any(ip.version == net.version and ip in net for net in _TRANSLATED)
