"""Tells the transport which domains get mail soon, so that it looks them up and connects in time.

The filter knows a domain when the client begins to send a message for it. Until Postfix delivers
the message, the client uploads it, the filter signs it and Postfix writes it to the disk.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Final

from chatmaild.bounded import Bounded

# a domain that was named a moment ago has an open connection
_AGAIN_S: Final = 5.0
_MAX_DOMAINS: Final = 1000
_ANSWER_BYTES: Final = 4096


class ExpectedMail:
    """A connection to the transport's socketmap, on which nothing waits: all it says are hints.

    Args:
        path: the unix socket of the map `expected`.
        clock_s: monotonic seconds.
    """

    def __init__(self, path: str, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock_s = clock_s
        self._socket: socket.socket | None = None
        self._named_s: Bounded[str, float] = Bounded(_MAX_DOMAINS)

    def note(self, domain: str) -> None:
        """Say that a client sends a message to a domain; an error is ignored."""
        now_s = self._clock_s()
        if now_s - self._named_s.get(domain, -_AGAIN_S) < _AGAIN_S:
            return
        self._named_s[domain] = now_s
        request = f"expected {domain}".encode(errors="replace")
        try:
            self._send(b"%d:%b," % (len(request), request))
        except OSError:
            self.close()

    def _send(self, request: bytes) -> None:
        if self._socket is not None and not self._has_read():
            self.close()  # the transport was restarted
        if self._socket is None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            self._socket.connect(self._path)
        if self._socket.send(request) < len(request):
            self.close()

    def _has_read(self) -> bool:
        """Read the answers that came since; False at the end of the connection."""
        assert self._socket is not None
        try:
            while self._socket.recv(_ANSWER_BYTES):
                pass
        except BlockingIOError:
            return True
        except ConnectionError:
            pass
        return False

    def close(self) -> None:
        """End the connection; the next hint opens another one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
