"""Slow down guesses of passwords, per account and network.

A login takes a token of each bucket below before its password is checked; a right password gives
them back. Without a token the answer is "later", for right and wrong passwords alike: otherwise
the fast answer would tell which one is right. Dovecot asks again every second for 12 s.

Other networks of the same account have buckets of their own, so a guesser locks nobody out.

When hundreds of users of one network return together, the checks that are not decided yet hold all
tokens. `is_undecided` tells the caller to wait for them.
"""

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

from chatmaild.accounts.limits.buckets import Buckets, Names
from chatmaild.address import Address
from chatmaild.bounded import Bounded
from chatmaild.errors import TooManyError
from chatmaild.net.networks import network, site

# Wrong passwords for one account from one network: 10 at once, then 10 a minute. A user who shares
# the network waits 6 s, less than Postfix (10 s) and Dovecot (12 s) wait for the answer.
ACCOUNT_BURST: Final = 10
ACCOUNT_PER_S: Final = 10 / 60
# For one account from one site, which has 65,536 networks of IPv6.
SITE_BURST: Final = 100
SITE_PER_S: Final = 10 / 60
# For all accounts from one network: behind one IPv4 address there can be thousands of users.
NETWORK_BURST: Final = 100
NETWORK_PER_S: Final = 1.0
# 150 bytes each; the pair that logged in longest ago is forgotten
MAX_KNOWN: Final = 20000


class Attempt:
    """One login whose password is being checked."""

    def __init__(self) -> None:
        self.is_wrong = False


class Guesses:
    """Counts wrong passwords."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._names = Names()
        self._by_account = Buckets(ACCOUNT_BURST, ACCOUNT_PER_S)
        self._by_site = Buckets(SITE_BURST, SITE_PER_S)
        self._by_network = Buckets(NETWORK_BURST, NETWORK_PER_S)
        # Pairs of account and network with a right password: wrong passwords of neighbours for
        # other accounts, or in other networks of the site, do not slow these down.
        self._known: Bounded[bytes, None] = Bounded(MAX_KNOWN)
        # checks that are not decided, by network
        self._undecided: Counter[bytes] = Counter()

    @contextlib.contextmanager
    def attempt(self, address: Address, ip: str) -> Iterator[Attempt]:
        """Allow one check of a password; set `is_wrong` if it was wrong.

        Raises:
            TooManyError: too many wrong ones came from this network.
        """
        account, of_ip = str(address.account), network(ip)
        whole = self._names.of(of_ip)
        pair = self._names.of(account, of_ip)
        wanted = [(self._by_account, pair)]
        if not self._known.touch(pair):
            wanted.append((self._by_site, self._names.of(account, site(ip))))
            wanted.append((self._by_network, whole))
        self._take(wanted)
        attempt = Attempt()
        is_right = False
        self._undecided[whole] += 1
        try:
            yield attempt
            is_right = not attempt.is_wrong
        finally:
            self._undecided[whole] -= 1
            if not self._undecided[whole]:
                del self._undecided[whole]
            if not attempt.is_wrong:
                self._give_back(wanted)
            if is_right:
                self._known[pair] = None

    def is_undecided(self, ip: str) -> bool:
        """Whether a check of this IP address's network may give its tokens back soon."""
        return self._names.of(network(ip)) in self._undecided

    def _take(self, wanted: list[tuple[Buckets, bytes]]) -> None:
        now_s = self._clock()
        for done, (buckets, name) in enumerate(wanted):
            if not buckets.take(name, now_s):
                self._give_back(wanted[:done])
                raise TooManyError("too many wrong passwords")

    def _give_back(self, taken: list[tuple[Buckets, bytes]]) -> None:
        now_s = self._clock()
        for buckets, name in taken:
            buckets.give_back(name, now_s)
