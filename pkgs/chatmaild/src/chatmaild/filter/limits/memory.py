"""Memory that open transactions share."""

from __future__ import annotations

import threading


class ByteBudget:
    """Memory in bytes that the headers of all open transactions share. Thread-safe.

    Large headers cannot take the last `reserved_for_small` bytes: a few of them that wait for DNS
    would block all other messages.
    """

    def __init__(self, size_bytes: int, *, reserved_for_small: int = 0) -> None:
        self._left = size_bytes
        self._reserved_for_small = reserved_for_small
        self._lock = threading.Lock()

    def take(self, size_bytes: int, *, is_large: bool = False) -> bool:
        """Take that many bytes; False, and nothing taken, if fewer are left."""
        with self._lock:
            if size_bytes > self._left - (self._reserved_for_small if is_large else 0):
                return False
            self._left -= size_bytes
            return True

    def give(self, size_bytes: int) -> None:
        """Return bytes that were taken."""
        with self._lock:
            self._left += size_bytes
