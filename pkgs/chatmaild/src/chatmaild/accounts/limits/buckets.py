"""Count by network in memory: token buckets whose names are keyed hashes."""

import hashlib
import secrets
from typing import Final

from chatmaild.bounded import Bounded
from chatmaild.net.networks import network

# 200 bytes each; beyond it the bucket unused for longest is dropped
MAX_BUCKETS: Final = 10000


class Names:
    """Makes names of buckets: keyed hashes, whose key only this process has."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def of(self, *parts: str) -> bytes:
        """Return the name for these texts."""
        state = hashlib.blake2b(key=self._key, digest_size=12)
        for part in parts:
            data = part.encode()
            state.update(len(data).to_bytes(2, "big") + data)
        return state.digest()


class Buckets:
    """Token buckets: each is full at first, and refilled at a rate."""

    def __init__(self, burst: int, refill_per_s: float, *, most: int = MAX_BUCKETS) -> None:
        self._burst = burst
        self._refill_per_s = refill_per_s
        # tokens left, and when that was true; a full bucket is not kept
        self._buckets: Bounded[bytes, tuple[float, float]] = Bounded(most)

    def take(self, name: bytes, now_s: float) -> bool:
        """Take one token; return False when the bucket is empty."""
        tokens = self._tokens(name, now_s)
        allowed = tokens >= 1
        self._buckets[name] = (tokens - 1 if allowed else tokens, now_s)
        return allowed

    def give_back(self, name: bytes, now_s: float) -> None:
        """Undo one `take` that returned True."""
        tokens = self._tokens(name, now_s) + 1
        if tokens >= self._burst:
            self._buckets.pop(name, None)
        else:
            self._buckets[name] = (tokens, now_s)

    def _tokens(self, name: bytes, now_s: float) -> float:
        tokens, then_s = self._buckets.get(name, (float(self._burst), now_s))
        return min(self._burst, tokens + (now_s - then_s) * self._refill_per_s)

    def __len__(self) -> int:
        return len(self._buckets)


class IpLimit:
    """A burst of requests for each network, refilled at a rate."""

    def __init__(self, burst: int, refill_per_s: float, *, max_buckets: int = MAX_BUCKETS) -> None:
        self._names = Names()
        self._buckets = Buckets(burst, refill_per_s, most=max_buckets)

    def allow(self, ip: str, now_s: float) -> bool:
        """Take one token for the network of this IP address; return False when it has none."""
        return self._buckets.take(self._names.of(network(ip)), now_s)

    def give_back(self, ip: str, now_s: float) -> None:
        """Undo one `allow` that returned True."""
        self._buckets.give_back(self._names.of(network(ip)), now_s)

    def __len__(self) -> int:
        return len(self._buckets)
