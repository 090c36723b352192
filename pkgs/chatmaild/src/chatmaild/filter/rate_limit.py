"""Rate limit per sender: the generic cell rate algorithm (ITU-T I.371, annex A)."""

from __future__ import annotations

import threading
from typing import Final

_CLEAN_EVERY: Final = 1000  # new senders until idle ones are removed


class RateLimiter:
    """Allows each key a burst of messages, then a constant rate. Thread-safe.

    The caller passes the time in seconds of a monotonic clock.
    """

    def __init__(self, *, per_minute: int, burst: int) -> None:
        self._interval_s = 60 / per_minute
        self._tolerance_s = self._interval_s * (burst - 1)
        self._due_s: dict[str, float] = {}  # when the key may send a full burst again
        self._clean_at = _CLEAN_EVERY
        self._lock = threading.Lock()

    def allows(self, key: str, now_s: float) -> bool:
        """Whether one more message may pass now; counts it if so."""
        with self._lock:
            due_s = max(self._due_s.get(key, now_s), now_s)
            if due_s - now_s > self._tolerance_s + 1e-9:
                return False
            self._due_s[key] = due_s + self._interval_s
            if len(self._due_s) > self._clean_at:
                self._forget_idle(now_s)
            return True

    def _forget_idle(self, now_s: float) -> None:
        self._due_s = {key: due_s for key, due_s in self._due_s.items() if due_s > now_s}
        self._clean_at = len(self._due_s) + _CLEAN_EVERY
