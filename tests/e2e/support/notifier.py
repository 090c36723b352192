"""A notification server over TLS in the lab's client; lab.nix names it to the relays."""

from __future__ import annotations

import contextlib
import fcntl
import http.server
import os
import secrets
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from support.imap import set_metadata
from support.person import Person

PORT = 9443
PATH = "/notify"
LONGEST_HANG_S = 30
DEVICE_TOKEN = "/private/devicetoken"

# a status, no answer until `release`, or a closed connection instead of one
Answer = int | Literal["hang", "cut"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request: what it carried, and when it came (monotonic clock)."""

    token: str
    at_s: float


class Notifier:
    """What relays have asked for, and what they are told; 200 where nothing is planned."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.plan: dict[str, list[Answer]] = {}
        self._released = threading.Event()

    def times_s(self, token: str) -> list[float]:
        """Returns when the token was posted."""
        return [call.at_s for call in self.calls if call.token == token]

    def release(self) -> None:
        """Lets requests that hang be answered with 200, now and from now on."""
        self._released.set()

    def answer(self, token: str) -> int | None:
        """Notes a call and returns the status to send, None to cut the connection."""
        self.calls.append(Call(token=token, at_s=time.monotonic()))
        planned = self.plan.get(token)
        answer = planned.pop(0) if planned else 200
        if answer == "hang":
            self._released.wait(LONGEST_HANG_S)
            return 200
        return None if answer == "cut" else answer


@contextlib.contextmanager
def serving() -> Iterator[Notifier]:
    """Gives a server that listens; there is one at a time in a lab, others wait for it."""
    lock = Path(tempfile.gettempdir(), f"notifier-{Path('/proc/self/ns/net').stat().st_ino}.lock")
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        notifier = Notifier()
        server = _Server(notifier)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield notifier
        finally:
            notifier.release()
            server.shutdown()
            server.end_connections()
            server.server_close()
            thread.join()


def new_device(person: Person) -> str:
    """Returns the token of a new device, which has registered it."""
    token = f"openpgp:{secrets.token_urlsafe(60)}"
    assert set_metadata(person.imap, "INBOX", DEVICE_TOKEN, token) == "OK"
    return token


class _Server(http.server.ThreadingHTTPServer):
    """Speaks TLS with the certificate of the lab's client."""

    address_family = socket.AF_INET6
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, notifier: Notifier) -> None:
        self.notifier = notifier
        self.connections: set[socket.socket] = set()
        super().__init__(("::", PORT), _Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.environ["LAB_CERTIFICATE"], os.environ["LAB_KEY"])
        # the handshake belongs to the connection's own thread
        self.socket = context.wrap_socket(
            self.socket, server_side=True, do_handshake_on_connect=False
        )

    def server_bind(self) -> None:
        """Takes IPv4, too."""
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()

    def end_connections(self) -> None:
        """Cuts those that relays keep open for their next notification."""
        for connection in self.connections.copy():
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, *_: object) -> None:
        """A relay that hangs up is part of the scenarios."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        """Remembers the connection while it is open."""
        super().setup()
        self.server.connections.add(self.request)

    def finish(self) -> None:
        """Forgets it."""
        self.server.connections.discard(self.request)
        super().finish()

    def do_POST(self) -> None:
        """Answers as planned."""
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) < length:  # killed between the header and the body
            self.close_connection = True
            return
        token = body.decode()
        status = self.server.notifier.answer(token) if self.path == PATH else 404
        if status is None:
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""
