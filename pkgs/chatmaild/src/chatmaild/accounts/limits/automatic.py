"""One hourly budget of automatic addresses for the whole relay.

Clients create addresses by themselves: the first one at the fastest of several relays, further ones
as spare relays. Delta Chat 2.59 and later mark these by passwords of 23 letters and digits; those
that it makes for a scanned code have 22. The mark is a courtesy, not a protection: a program that
wants many addresses leaves it out.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Literal

from chatmaild.errors import RegistrationRefused

_log = logging.getLogger(__name__)

PASSWORD_LENGTH: Final = 23
HOUR_S: Final = 3600.0

Limit = Literal["allow", "refuse"] | int


def is_automatic(password: bytes) -> bool:
    """Whether a client made the address of this password by itself."""
    return len(password) == PASSWORD_LENGTH and password.isalnum()


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
