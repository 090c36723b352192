"""Waits until SMTP, IMAP and HTTPS of the relay answer, with any certificate."""

import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass

ANSWER_DEADLINE_S = 10.0
PAUSE_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A port, the request to send, and the beginning of the answer."""

    name: str
    port: int
    tls: bool
    answer: bytes
    request: bytes = b""


def services(domain: str) -> tuple[Service, ...]:
    """The services of a relay."""
    request = f"GET / HTTP/1.1\r\nHost: {domain}\r\nConnection: close\r\n\r\n".encode()
    return (
        Service(name="SMTP", port=25, tls=False, answer=b"220 "),
        Service(name="IMAP", port=993, tls=True, answer=b"* OK"),
        Service(name="HTTPS", port=443, tls=True, answer=b"HTTP/1.1 200", request=request),
    )


def answers(host: str, service: Service, domain: str) -> bool:
    """Whether the service sends the expected answer."""
    try:
        with socket.create_connection((host, service.port), timeout=ANSWER_DEADLINE_S) as plain:
            if not service.tls:
                return _responds(plain, service)
            with _unverified().wrap_socket(plain, server_hostname=domain) as tls:
                return _responds(tls, service)
    except OSError:
        return False


def _unverified() -> ssl.SSLContext:
    # a trusted certificate comes only after the DNS records are published
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _responds(connection: socket.socket, service: Service) -> bool:
    connection.sendall(service.request)
    received = b""
    while len(received) < len(service.answer):
        more = connection.recv(len(service.answer) - len(received))
        if not more:
            return False
        received += more
    return received == service.answer


def wait(
    host: str,
    domain: str,
    *,
    deadline_s: float,
    report: Callable[[str], None],
    awaited: tuple[Service, ...] | None = None,
) -> tuple[str, ...]:
    """Wait for all services; returns the names of those that did not answer in time."""
    left = list(services(domain) if awaited is None else awaited)
    end = time.monotonic() + deadline_s
    while left:
        for service in [service for service in left if answers(host, service, domain)]:
            report(f"{service.name} answers")
            left.remove(service)
        if not left or time.monotonic() >= end:
            break
        time.sleep(PAUSE_S)
    return tuple(service.name for service in left)
