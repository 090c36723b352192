"""Memories with a bound: what strangers can fill must not grow without end."""

from __future__ import annotations

from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Bounded(dict[K, V]):
    """A dict that keeps the newest `most` entries; setting a key makes it the newest.

    `functools.lru_cache` and caches of libraries remember answers of a function; these memories
    have entries that are set, aged and removed for reasons of their own.
    """

    __slots__ = ("_most",)

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def __setitem__(self, key: K, value: V) -> None:
        """Set an entry; forget the oldest where there are too many."""
        self.pop(key, None)
        super().__setitem__(key, value)
        if len(self) > self._most:
            del self[next(iter(self))]

    def touch(self, key: K) -> bool:
        """Whether there is the key; if so, it becomes the newest."""
        if key not in self:
            return False
        self[key] = self[key]
        return True
