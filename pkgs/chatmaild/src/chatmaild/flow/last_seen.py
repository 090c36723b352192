"""The time when another mail server last offered mail on port 25, as a file's time."""

import contextlib
import ipaddress
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from chatmaild.settings import Settings

NAME: Final = "last-smtp-in"
# 1 minute is exact enough for the operator
EVERY_S: Final = 60.0


class LastSeen:
    """The file beside the socket of the filter; the filter writes it, root reads it."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.path = path
        self._clock = clock
        self._next_s = 0.0

    @classmethod
    def of(cls, settings: Settings) -> "LastSeen":
        """The file of this relay."""
        return cls(Path(settings.sockets.milter).parent / NAME)

    def note(self, client: str) -> None:
        """Record that a client offered mail now, unless it is this machine."""
        now_s = self._clock()
        if now_s < self._next_s or _is_loopback(client):
            return
        self._next_s = now_s + EVERY_S
        # mail does not depend on it
        with contextlib.suppress(OSError):
            self.path.touch()

    def time_s(self) -> float | None:
        """The last time in Unix seconds; None if never since the machine started."""
        try:
            return self.path.stat().st_mtime
        except OSError:
            return None


def _is_loopback(client: str) -> bool:
    try:
        return ipaddress.ip_address(client.removeprefix("IPv6:")).is_loopback
    except ValueError:
        return True
