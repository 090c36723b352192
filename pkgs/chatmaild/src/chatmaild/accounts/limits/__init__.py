"""Limits per network: an IPv4 address or a /64 of IPv6. Nothing here stores an IP address."""
