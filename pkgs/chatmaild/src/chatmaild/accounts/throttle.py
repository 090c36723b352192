"""Do work after deliveries, at most once a second for each mailbox."""

import asyncio
from collections.abc import Callable
from typing import Final

from chatmaild.address import Address

# a busy mailbox has a hundred deliveries a second
_EVERY_S: Final = 1.0


class Throttle:
    """Calls a function at once, and once more for all calls within the next second."""

    def __init__(self, work: Callable[[Address], None]) -> None:
        self._work = work
        self._again: dict[Address, bool] = {}

    def __call__(self, address: Address) -> None:
        """Do the work for an address, now or within a second."""
        if address in self._again:
            self._again[address] = True
            return
        self._again[address] = False
        asyncio.get_running_loop().call_later(_EVERY_S, self._rested, address)
        self._work(address)

    def _rested(self, address: Address) -> None:
        if self._again.pop(address):
            self(address)
