"""Serves the page, to the local network only."""

import http.server
import ipaddress
import socket
from collections.abc import Callable


def is_local(address: str) -> bool:
    """Whether an IP address is of a home or office network, and not of the Internet."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(parsed, "ipv4_mapped", None)
    return not (mapped or parsed).is_global


class LocalServer(http.server.ThreadingHTTPServer):
    """Listens on IPv4 and IPv6."""

    address_family = socket.AF_INET6
    daemon_threads = True

    def server_bind(self) -> None:
        """Accept IPv4 connections on the same socket (RFC 3493 section 5.3)."""
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


def make_server(port: int, content: Callable[[], str]) -> LocalServer:
    """A server with one page, whose content is made for each request."""

    class Handler(http.server.BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            if not is_local(self.client_address[0]):
                self.send_error(403)
                return
            if self.path != "/":
                self.send_error(404)
                return
            body = content().encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header(
                "Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"
            )
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """IP addresses are not logged."""

    return LocalServer(("::", port), Handler)
