"""When other servers last offered mail, over SMTP and over HTTPS: the times of two files.

A machine cannot test from outside whether its ports are open: mail of others is the proof.
"""

import contextlib
import ipaddress
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from chatmaild.settings import Settings

SMTP: Final = "smtp"
HTTPS: Final = "https"
# 1 minute is exact enough for the operator
EVERY_S: Final = 60.0
# a week: small relays get no mail of others on some days
SILENT_S: Final = 7 * 86400.0
# the content of the file until others offer mail; then it is empty
_STARTED: Final = b"started\n"


class LastSeen:
    """A file beside the socket for the collector, which may look there, too."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.path = path
        self._clock = clock
        self._next_s = 0.0

    @classmethod
    def of(cls, settings: Settings, ingress: str = SMTP) -> "LastSeen":
        """The file of this relay: of the filter for SMTP, of the transport for HTTPS."""
        sockets = settings.sockets
        beside = sockets.filter_metrics if ingress == SMTP else sockets.transport_metrics
        return cls(Path(beside).parent / f"last-{ingress}-in")

    def begin(self) -> None:
        """Record the start of the service, unless there is a record."""
        with contextlib.suppress(OSError), self.path.open("xb") as file:
            file.write(_STARTED)

    def note(self, client: str) -> None:
        """Record that a client offered mail now, unless it is this machine."""
        now_s = self._clock()
        if now_s < self._next_s or _is_loopback(client):
            return
        self._next_s = now_s + EVERY_S
        # mail does not depend on it
        with contextlib.suppress(OSError):
            self.path.write_bytes(b"")
            self.path.touch()

    def time_s(self) -> float | None:
        """The last time in Unix seconds; None if never since the machine started."""
        try:
            status = self.path.stat()
        except OSError:
            return None
        return None if status.st_size else status.st_mtime

    def silent_since_s(self) -> float | None:
        """The last time, or the start of the service if there was none; None if unknown."""
        try:
            return self.path.stat().st_mtime
        except OSError:
            return None


def _is_loopback(client: str) -> bool:
    try:
        return ipaddress.ip_address(client.removeprefix("IPv6:")).is_loopback
    except ValueError:
        return True
