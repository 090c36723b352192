"""One hourly budget of automatic addresses for the whole relay; each store has its part of it.

Clients create addresses by themselves: the first one at the fastest of several relays, further ones
as spare relays. Delta Chat 2.59 and later mark these by passwords of 23 letters and digits; those
that it makes for a scanned code have 22. The mark is a courtesy, not a protection: a program that
wants many addresses leaves it out.
"""

import logging
import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Literal

from chatmaild.errors import RegistrationRefused
from chatmaild.settings import Settings

_log = logging.getLogger(__name__)

PASSWORD_LENGTH: Final = 23
HOUR_S: Final = 3600.0

Limit = Literal["allow", "refuse"] | int


def is_automatic(password: bytes) -> bool:
    """Whether a client made the address of this password by itself."""
    return len(password) == PASSWORD_LENGTH and password.isalnum()


def part_of_machine(settings: Settings) -> Limit:
    """Return the limit for this machine: a store has the part of the addresses that it gets.

    It is one at least, so many stores with a small limit exceed it.
    """
    limit, cluster = settings.registration.automatic, settings.cluster
    weights = cluster.placements[0] if cluster.role == "store" and cluster.placements else {}
    # a store without a weight is asked for no new address
    if isinstance(limit, str) or cluster.machine is None or cluster.machine not in weights:
        return limit
    return math.ceil(limit * weights[cluster.machine] / sum(weights.values()))


class Automatic:
    """Counts automatic addresses of the last 60 minutes, whoever asks for them."""

    def __init__(self, limit: Limit, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._created_s: deque[float] = deque()

    @contextmanager
    def creation(self) -> Iterator[None]:
        """Count the creation of an address within the block, unless it fails.

        Raises:
            RegistrationRefused: `automatic` if there are none at all, `automatic-limit` if there
                were too many in the last hour.
        """
        if self._limit == "refuse":
            raise _refused("automatic", "apps may not create addresses by themselves")
        if self._limit == "allow":
            yield
            return
        now_s = self._clock()
        while self._created_s and self._created_s[0] <= now_s - HOUR_S:
            self._created_s.popleft()
        if len(self._created_s) >= self._limit:
            raise _refused("automatic-limit", f"{self._limit} automatic addresses in an hour")
        # before the creation: others begin while it waits for the disk
        self._created_s.append(now_s)
        try:
            yield
        except BaseException:
            self._created_s.pop()
            raise


def _refused(code: str, why: str) -> RegistrationRefused:
    _log.info("registration rejected: %s", why)
    return RegistrationRefused(code)
