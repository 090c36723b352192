"""The destinations that answered lately: only these use the large pool of delivery agents.

Senders choose the destination. A domain that accepts connections and never answers holds a delivery
agent for minutes, and a wildcard in DNS makes any number of domains. Unknown domains therefore
share a small pool, and one IP address has a few known domains at most.
"""

from typing import Final

# a day: peers that exchange mail daily stay known
KNOWN_S: Final = 86_400.0
# with 5 agents each at first, one IP address holds a fifth of the 500 agents at most
MAX_PER_NETWORK: Final = 20
MAX_ENTRIES: Final = 20_000


class Standing:
    """Domains that answered, each with the network of its host and the end of its standing."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, float]] = {}
        self._per_network: dict[str, int] = {}

    def has(self, domain: str, now_s: float) -> bool:
        """Whether the domain answered within the last day, and did not stall since."""
        _, until_s = self._known.get(domain, ("", 0.0))
        return now_s < until_s

    def add(self, domain: str, network: str, now_s: float) -> None:
        """Record an answer; without effect if too many domains of the network are known."""
        self.remove(domain)
        if self._is_full(network):
            self._forget_old(now_s)
        if not self._is_full(network):
            self._known[domain] = (network, now_s + KNOWN_S)
            self._per_network[network] = self._per_network.get(network, 0) + 1

    def remove(self, domain: str) -> None:
        """Record that the domain does not answer."""
        network, _ = self._known.pop(domain, (None, 0.0))
        if network is not None:
            self._per_network[network] -= 1
            if not self._per_network[network]:
                del self._per_network[network]

    def _is_full(self, network: str) -> bool:
        return (
            self._per_network.get(network, 0) >= MAX_PER_NETWORK or len(self._known) >= MAX_ENTRIES
        )

    def _forget_old(self, now_s: float) -> None:
        for domain in [name for name, (_, until_s) in self._known.items() if until_s <= now_s]:
            self.remove(domain)
