#!/usr/bin/env python3
"""Stands in for iroh-relay, which Debian does not have: the same arguments, the same three paths.

It answers /generate_204 with 204, returns other requests as they came, and upgrades connections on
request: then it sends the next four bytes back, in reverse order.
"""

from __future__ import annotations

import http.server
import json
import socket
import sys
import tomllib
from pathlib import Path


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer, or upgrade."""
        if wish := self.headers.get("Upgrade"):
            self.send_response(101)
            self.send_header("Upgrade", wish)
            self.send_header("Connection", self.headers["Connection"])
            self.end_headers()
            self.wfile.write(self.rfile.read(4)[::-1])
            self.close_connection = True
            return
        if self.path == "/generate_204":
            self.send_response(204)
            self.end_headers()
            return
        body = json.dumps([self.path, self.request_version]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing, as iroh-relay does."""


class Server(http.server.ThreadingHTTPServer):
    """Listens at IPv4 or IPv6 addresses."""


if __name__ == "__main__":
    option, path = sys.argv[1:]
    assert option == "--config-path"
    host, _, port = tomllib.loads(Path(path).read_text())["http_bind_addr"].rpartition(":")
    Server.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
    Server((host.strip("[]"), int(port)), Handler).serve_forever()
