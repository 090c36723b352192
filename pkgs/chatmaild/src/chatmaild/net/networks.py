"""Networks and sites of IP addresses, which limits count."""

import ipaddress
from typing import Final

# a customer gets at least a /64, a site a /48 (RFC 6177)
IPV6_PREFIX: Final = 64
IPV6_SITE_PREFIX: Final = 48
# SMTP clients have pseudonyms: a loopback address for each network, a /24 for those of a site
# (modules/chatmail/web/pseudonyms.nix)
PSEUDONYM_SITE_PREFIX: Final = 24
IPV4_BITS: Final = 32


def network(ip: str) -> str:
    """Return an IPv4 address, the /64 of an IPv6 address, or "" for anything else."""
    return _prefix(ip, IPV6_PREFIX, loopback=IPV4_BITS)


def site(ip: str) -> str:
    """Return an IPv4 address, the /48 of an IPv6 address, the /24 of a pseudonym, or ""."""
    return _prefix(ip, IPV6_SITE_PREFIX, loopback=PSEUDONYM_SITE_PREFIX)


def _prefix(ip: str, length: int, *, loopback: int) -> str:
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv4Address):
        # for each login: a network object costs more than the rest
        if loopback == IPV4_BITS or not address.is_loopback:
            return str(address)
        return str(ipaddress.ip_network((int(address), loopback), strict=False).network_address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address), length), strict=False))
