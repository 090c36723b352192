"""Relays that accept mail over HTTPS only."""

from __future__ import annotations

import contextlib
import datetime
import http.server
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


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
        with HttpsRelay(address, _certificate(directory)) as relay:
            threading.Thread(target=relay.serve_forever, daemon=True).start()
            yield relay
            relay.shutdown()
    finally:
        subprocess.run(["ip", "address", "del", f"{address}/32", "dev", "lo"], check=True)


def _certificate(directory: Path) -> Path:
    path = directory / "relay.pem"
    if not path.exists():
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "relay")])
        now = datetime.datetime.now(tz=datetime.UTC)
        signed = x509.CertificateBuilder(
            name, name, key.public_key(), 1, now, now + datetime.timedelta(days=1)
        ).sign(key, hashes.SHA256())
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        path.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return path
