"""Relays that accept mail over HTTPS only."""

from __future__ import annotations

import contextlib
import http.server
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

from chatmail_testkit.peers.certificate import self_signed


class HttpsRelay(socketserver.ThreadingTCPServer):
    """A relay at an IPv4 address, with a self-signed certificate.

    Attributes:
        recipients: the X-MAIL-TO fields of all messages, in their order.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address: str, certificate: Path) -> None:
        super().__init__((address, 443), _Request)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.recipients: list[str] = []


class _Request(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: HttpsRelay

    def do_POST(self) -> None:
        """Accepts the message."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.recipients += self.headers.get_all("X-MAIL-TO", [])
        self.send_response(200)
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"250 OK")

    def log_message(self, *_: object) -> None:
        """Logs nothing."""


@contextlib.contextmanager
def https_relay(address: str, directory: Path) -> Iterator[HttpsRelay]:
    """Runs a relay at an IPv4 address, which this machine has meanwhile."""
    subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)
    try:
        with HttpsRelay(address, self_signed(directory)) as relay:
            threading.Thread(target=relay.serve_forever, daemon=True).start()
            yield relay
            relay.shutdown()
    finally:
        subprocess.run(["ip", "address", "del", f"{address}/32", "dev", "lo"], check=True)
