"""One budget of new addresses per network, for `/new` and for first logins.

On several machines the fronts have it, and stores do not count again.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Final

from chatmaild.accounts.limits.buckets import IpLimit, Names
from chatmaild.address import Address
from chatmaild.bounded import Bounded
from chatmaild.errors import TooManyError
from chatmaild.settings import Registration

# 150 bytes each; the oldest offer is forgotten, and its first login costs a token, too
MAX_OFFERS: Final = 10000


class FirstLogin:
    """A login that may be the first one of its address."""

    def __init__(self) -> None:
        self.is_first = False


class Creations:
    """Limits new addresses; a first login of an address that `/new` offered is paid for already."""

    def __init__(self, limits: Registration, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._limit = IpLimit(limits.per_ip_burst, limits.per_ip_refill_per_second)
        self._names = Names()
        self._offers: Bounded[bytes, None] = Bounded(MAX_OFFERS)

    def pay(self, ip: str) -> None:
        """Take one token for this network.

        Raises:
            TooManyError: it has none left.
        """
        if not self._limit.allow(ip, self._clock()):
            raise TooManyError("too many new addresses")

    def offer(self, address: Address) -> None:
        """Remember that the first login of an address is paid for."""
        self._offers[self._names.of(str(address))] = None

    def pay_first_login(self, address: Address, ip: str) -> None:
        """Take the offer of this address, otherwise one token for the network.

        Raises:
            TooManyError: there is neither.
        """
        name = self._names.of(str(address))
        if name in self._offers:
            del self._offers[name]
        else:
            self.pay(ip)

    @contextlib.contextmanager
    def first_login(self, address: Address, ip: str) -> Iterator[FirstLogin]:
        """Do the same, and undo it at the end of the block unless `is_first` was set.

        Raises:
            TooManyError: there is neither.
        """
        is_offered = self._names.of(str(address)) in self._offers
        self.pay_first_login(address, ip)
        attempt = FirstLogin()
        try:
            yield attempt
        finally:
            if not attempt.is_first and is_offered:
                self.offer(address)
            elif not attempt.is_first:
                self._limit.give_back(ip, self._clock())
