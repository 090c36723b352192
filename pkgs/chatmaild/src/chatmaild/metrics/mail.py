"""Counters of the filter, in memory: about 3 us per message."""

import time
from typing import Final

from chatmaild.metrics import dump
from chatmaild.metrics.counters import Counters
from chatmaild.metrics.recent import Recent

_PERMANENT: Final = 500


class Tally:
    """Counts of messages and refusals."""

    def __init__(self, counters: Counters | None = None) -> None:
        self.counters = counters or Counters()
        self.recent = Recent()

    def accepted(self, ingress: str, message_id: bytes | None, *, signed: bool) -> None:
        """Count a message; its Message-ID is used to measure the delivery time."""
        self.counters.add("messages_accepted", ingress=ingress)
        if signed:
            self.counters.add("dkim_signatures")
        if message_id:
            self.recent.note(message_id, time.monotonic())

    def discarded(self, ingress: str) -> None:
        """Count a message that was dropped."""
        self.counters.add("messages_discarded", ingress=ingress)

    def refused(self, ingress: str, code: int, reason: str) -> None:
        """Count a refused recipient or message; `reason` is one of few constant texts."""
        kind = "permanent" if code >= _PERMANENT else "temporary"
        self.counters.add("refusals", ingress=ingress, kind=kind, reason=reason)

    def verified(self, result: str) -> None:
        """Count a check of signatures."""
        self.counters.add("dkim_verifications", result=result)

    def dump(self) -> bytes:
        """Return the counters for the collector."""
        return dump.encode(self.counters, self.recent)
