"""Limit requests per IP address by token buckets, without keeping any IP address."""

import hashlib
import ipaddress
import secrets
from typing import Final

from chatmaild.bounded import Bounded

# 200 bytes each; beyond it the bucket unused for longest is dropped
MAX_BUCKETS: Final = 10000
# a customer gets at least a /64 (RFC 6177)
IPV6_PREFIX: Final = 64


class IpLimit:
    """A burst of requests for each IP address, refilled at a rate.

    Buckets have a keyed hash as name, whose key only this process has.
    """

    def __init__(self, burst: int, refill_per_s: float, *, max_buckets: int = MAX_BUCKETS) -> None:
        self._burst = burst
        self._refill_per_s = refill_per_s
        self._key = secrets.token_bytes(32)
        # tokens left, and when that was true
        self._buckets: Bounded[bytes, tuple[float, float]] = Bounded(max_buckets)

    def allow(self, ip: str, now_s: float) -> bool:
        """Take one token for this IP address; return False when its bucket is empty."""
        digest = hashlib.blake2b(network(ip).encode(), key=self._key, digest_size=12).digest()
        tokens, then_s = self._buckets.get(digest, (float(self._burst), now_s))
        tokens = min(self._burst, tokens + (now_s - then_s) * self._refill_per_s)
        allowed = tokens >= 1
        self._buckets[digest] = (tokens - 1 if allowed else tokens, now_s)
        return allowed

    def __len__(self) -> int:
        return len(self._buckets)


def network(ip: str) -> str:
    """Return the name of a bucket: an IPv4 address, a /64 of IPv6, or "" for anything else."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return ""
    if address.version == 4:
        return str(address)
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped:
        return str(mapped)
    return str(ipaddress.ip_network((int(address), IPV6_PREFIX), strict=False))
