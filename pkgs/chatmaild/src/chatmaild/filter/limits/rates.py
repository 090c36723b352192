"""Limits per sender: messages and distinct remote domains."""

from __future__ import annotations

import threading
from typing import Final

_MINUTE_S: Final = 60.0
_CLEAN_EVERY: Final = 1000  # new senders until idle ones are removed


class RateLimiter:
    """Allows each key a burst of messages, then a constant rate. Thread-safe.

    It is the generic cell rate algorithm (ITU-T I.371, annex A). The caller passes the
    time in seconds of a monotonic clock.
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


class DomainLimiter:
    """Allows each sender a number of distinct domains within a minute. Thread-safe.

    A domain is free again a minute after its last message; a repeated one costs nothing.
    """

    def __init__(self, *, per_message: int, per_minute: int) -> None:
        self.per_message = per_message
        self._per_minute = per_minute
        self._last_s: dict[str, dict[str, float]] = {}  # sender -> domain -> last message
        self._clean_at = _CLEAN_EVERY
        self._lock = threading.Lock()

    def allows(self, sender: str, domain: str, now_s: float) -> bool:
        """Whether the sender may write to the domain now; counts it if so."""
        with self._lock:
            domains = self._last_s.get(sender, {})
            if domain not in domains and len(domains) >= self._per_minute:
                domains = _of_the_last_minute(domains, now_s)
            is_allowed = domain in domains or len(domains) < self._per_minute
            if is_allowed:
                domains[domain] = now_s
            self._last_s[sender] = domains
            if len(self._last_s) > self._clean_at:
                self._forget_idle(now_s)
            return is_allowed

    def _forget_idle(self, now_s: float) -> None:
        recent = {
            sender: _of_the_last_minute(domains, now_s) for sender, domains in self._last_s.items()
        }
        self._last_s = {sender: domains for sender, domains in recent.items() if domains}
        self._clean_at = len(self._last_s) + _CLEAN_EVERY


def _of_the_last_minute(domains: dict[str, float], now_s: float) -> dict[str, float]:
    return {domain: last_s for domain, last_s in domains.items() if now_s - last_s < _MINUTE_S}
