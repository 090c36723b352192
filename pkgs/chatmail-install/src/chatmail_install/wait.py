"""Waiting until the relay answers: SMTP, IMAP and HTTPS, whatever the certificate."""

import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass

ANSWER_DEADLINE_S = 10.0
PAUSE_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A port, and how a healthy daemon begins to speak there."""

    name: str
    port: int
    tls: bool
    says: bytes
    asked: bytes = b""


def doors(domain: str) -> tuple[Door, ...]:
    """What people and other relays knock at."""
    request = f"GET / HTTP/1.1\r\nHost: {domain}\r\nConnection: close\r\n\r\n".encode()
    return (
        Door(name="SMTP", port=25, tls=False, says=b"220 "),
        Door(name="IMAP", port=993, tls=True, says=b"* OK"),
        Door(name="HTTPS", port=443, tls=True, says=b"HTTP/1.1 200", asked=request),
    )


def answers(host: str, door: Door, domain: str) -> bool:
    """Whether the daemon speaks as it should."""
    try:
        with socket.create_connection((host, door.port), timeout=ANSWER_DEADLINE_S) as plain:
            if not door.tls:
                return _speaks(plain, door)
            with _trusting().wrap_socket(plain, server_hostname=domain) as tls:
                return _speaks(tls, door)
    except OSError:
        return False


def _trusting() -> ssl.SSLContext:
    # the trusted certificate comes after the DNS records
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _speaks(connection: socket.socket, door: Door) -> bool:
    connection.sendall(door.asked)
    heard = b""
    while len(heard) < len(door.says):
        more = connection.recv(len(door.says) - len(heard))
        if not more:
            return False
        heard += more
    return heard == door.says


def wait(
    host: str,
    domain: str,
    *,
    deadline_s: float,
    tell: Callable[[str], None],
    shut: tuple[Door, ...] | None = None,
) -> tuple[str, ...]:
    """Wait for every door; the answer names those that stayed shut."""
    left = list(doors(domain) if shut is None else shut)
    end = time.monotonic() + deadline_s
    while left:
        for door in [door for door in left if answers(host, door, domain)]:
            tell(f"{door.name} answers")
            left.remove(door)
        if not left or time.monotonic() >= end:
            break
        time.sleep(PAUSE_S)
    return tuple(door.name for door in left)
