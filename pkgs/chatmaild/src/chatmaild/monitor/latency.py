"""Match deliveries with acceptances: the time from acceptance to delivery."""

from collections.abc import Iterable
from typing import Final

from chatmaild.bounded import Bounded
from chatmaild.metrics import Counters
from chatmaild.metrics.recent import Entry

# 80,000 messages, because one of eight is sampled; 1 MB
MAX_ACCEPTED: Final = 10_000


class Latencies:
    """Remembers acceptances until the deliveries, of which a message has one per recipient."""

    def __init__(self, counters: Counters, *, start_s: float) -> None:
        self._counters = counters
        self._accepted_s: Bounded[str, float] = Bounded(MAX_ACCEPTED)
        # older entries are counted already, or precede this process
        self._seen_s = start_s

    def take(self, accepted: Iterable[Entry], delivered: Iterable[Entry]) -> None:
        """Take the last entries of the filter and of the accounts service."""
        for key, at_s in accepted:
            self._accepted_s[key] = at_s
        new = [(key, at_s) for key, at_s in delivered if at_s > self._seen_s]
        for key, at_s in new:
            accepted_s = self._accepted_s.get(key)
            if accepted_s is None or accepted_s > at_s:
                self._counters.add("deliveries_unmatched")
            else:
                self._counters.observe("delivery_seconds", at_s - accepted_s)
            self._seen_s = max(self._seen_s, at_s)
