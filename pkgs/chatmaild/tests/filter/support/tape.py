"""Choices that are read from bytes: Hypothesis draws a generated message at once.

A strategy of a hundred draws costs 5 ms for an example, bytes of that size a tenth of it. Zeros
choose the first option everywhere, so a failing example shrinks to the simplest choices.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from hypothesis import strategies as st

SIZE_BYTES = 160  # some tapes end early: then every further choice is the first
MOSTLY = 6  # how often the first value is chosen for once each other
T = TypeVar("T")


class Tape:
    """Bytes that choose."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def any_bytes(self, max_size: int) -> bytes:
        """Any bytes."""
        return self._take(self.number(max_size))

    def number(self, most: int) -> int:
        """A number from 0 to `most`, each as likely."""
        taken = self._take(1 if most < 64 else 2)
        return int.from_bytes(taken, "big") % (most + 1)

    def choice(self, options: Sequence[T]) -> T:
        """One of the options, each as likely."""
        return options[self.number(len(options) - 1)]

    def mostly(self, good: T, *others: T) -> T:
        """Mostly the first value, so that a message of many choices can still be valid."""
        number = self.number(MOSTLY + len(others) - 1)
        return good if number < MOSTLY else others[number - MOSTLY]

    def some(self, options: Sequence[bytes], max_size: int) -> bytes:
        """Up to that many options, joined."""
        return b"".join(self.choice(options) for _ in range(self.number(max_size)))

    def _take(self, size: int) -> bytes:
        taken = self._content[self._at : self._at + size]
        self._at += size
        return taken


def from_tape(make: Callable[[Tape], bytes]) -> st.SearchStrategy[bytes]:
    """The strategy whose examples a function makes from tapes."""
    tapes = st.binary(min_size=SIZE_BYTES, max_size=SIZE_BYTES)
    return tapes.map(lambda content: make(Tape(content)))
