"""The deliveries that wait at one remote IP address, bounded."""

import contextlib
from collections.abc import Iterator

from chatmaild.net.networks import network

# Postfix' default_destination_concurrency_limit: one domain has no more
MAX_PER_NETWORK = 20


class Waiting:
    """Counts deliveries by IPv4 address or IPv6 /64."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def is_full(self, address: str) -> bool:
        """Whether no more deliveries may wait there."""
        return self._counts.get(network(address), 0) >= MAX_PER_NETWORK

    @contextlib.contextmanager
    def at(self, address: str) -> Iterator[None]:
        """Count a delivery while it waits."""
        name = network(address)
        self._counts[name] = self._counts.get(name, 0) + 1
        try:
            yield
        finally:
            self._counts[name] -= 1
            if not self._counts[name]:
                del self._counts[name]
