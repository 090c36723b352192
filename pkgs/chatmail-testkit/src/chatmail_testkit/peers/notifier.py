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
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from chatmail_testkit.mail.imap import DEVICE_TOKEN
from chatmail_testkit.people.person import Person
from chatmail_testkit.traces.ledger import MARK

PORT = 9443
PATH = "/notify"
LONGEST_HANG_S = 60  # longer than tests wait: a push that waits for it is seen

# a status, no answer before `release`, or a closed connection
Answer = int | Literal["hang", "cut"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request: its token, and its time on the monotonic clock."""

    token: str
    at_s: float


class Notifier:
    """The requests of relays, and the planned answers; without a plan the answer is 200."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.plan: dict[str, list[Answer]] = {}
        self._released = threading.Event()

    def times_s(self, token: str) -> list[float]:
        """Returns the times of the requests with a token."""
        return [call.at_s for call in self.calls_for([token])]

    def calls_for(self, tokens: Collection[str]) -> list[Call]:
        """Returns the requests with these tokens. Relays also retry those of earlier scenarios."""
        return [call for call in self.calls if call.token in tokens]

    def release(self) -> None:
        """Answers requests that hang with 200, from now on at once."""
        self._released.set()

    def answer(self, token: str) -> int | None:
        """Records a call and returns the status to send, None to cut the connection."""
        self.calls.append(Call(token=token, at_s=time.monotonic()))
        planned = self.plan.get(token)
        answer = planned.pop(0) if planned else 200
        if answer == "hang":
            self._released.wait(LONGEST_HANG_S)
            return 200
        return None if answer == "cut" else answer


@contextlib.contextmanager
def serving() -> Iterator[Notifier]:
    """Runs a server; a lock allows one at a time in a lab."""
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
    """Registers a new device and returns its token."""
    token = f"openpgp:{MARK}{secrets.token_urlsafe(60)}"
    assert person.imap.set_metadata("INBOX", DEVICE_TOKEN, token) == "OK"
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
        """Accepts IPv4, too (ipv6(7))."""
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()

    def end_connections(self) -> None:
        """Cuts the idle connections of relays."""
        for connection in self.connections.copy():
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, *_: object) -> None:
        """Ignores a relay that closes its connection: scenarios do that."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        """Records the open connection."""
        super().setup()
        self.server.connections.add(self.request)

    def finish(self) -> None:
        """Removes the connection."""
        self.server.connections.discard(self.request)
        super().finish()

    def do_POST(self) -> None:
        """Sends the planned answer."""
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) < length:  # the relay was killed between header and body
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
        """Logs nothing."""
