"""A mail server without TLS on port 25 of the lab's client."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from collections.abc import Iterator

PORT = 25


class ClearServer(socketserver.ThreadingTCPServer):
    """Accepts every message.

    Attributes:
        verbs: the first word of every command, in upper case.
        messages: the bytes between DATA and the lone dot.
    """

    address_family = socket.AF_INET6
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("::", PORT), _Session)  # IPv4, too (ipv6(7))
        self.verbs: list[bytes] = []
        self.messages: list[bytes] = []


class _Session(socketserver.StreamRequestHandler):
    server: ClearServer

    def handle(self) -> None:
        """Answers commands until QUIT (RFC 5321)."""
        self._say(b"220 clear.test ESMTP")
        for line in self.rfile:
            verb = line.split()[0].upper() if line.strip() else b""
            self.server.verbs.append(verb)
            if verb == b"DATA":
                self._say(b"354 go on")
                self.server.messages.append(b"".join(iter(self.rfile.readline, b".\r\n")))
            self._say({b"EHLO": b"250 8BITMIME", b"QUIT": b"221 bye"}.get(verb, b"250 ok"))
            if verb == b"QUIT":
                return

    def _say(self, text: bytes) -> None:
        self.wfile.write(text + b"\r\n")


@contextlib.contextmanager
def clear_server() -> Iterator[ClearServer]:
    """Gives a server that listens."""
    with ClearServer() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
