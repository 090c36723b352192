"""HTTPS to this machine and to other relays, one request per connection."""

import contextlib
import http.client
import socket
from collections.abc import Iterator
from typing import Final

from chatmaild.operator.selftest.mailing import HOST, unchecked
from chatmaild.operator.selftest.network.names import addresses
from chatmaild.settings import Settings

HTTPS_PORT: Final = 443
LOCAL_S: Final = 8.0
# to connect, and for each read
REMOTE_S: Final = 4.0
_MOST_BYTES: Final = 65536


def ask_own(
    settings: Settings,
    method: str,
    path: str,
    body: bytes = b"",
    headers: tuple[tuple[str, str], ...] = (),
    *,
    host: str = "",
) -> tuple[int, bytes]:
    """Send a request to the relay's own web server; return status and body.

    Args:
        host: a name of this relay, if not its domain.

    Raises:
        OSError, http.client.HTTPException: no answer.
    """
    off = settings.web.port443 == "off"
    port = settings.ports.https_internal if off else settings.ports.https
    with connected(HOST, port, host or settings.domain, LOCAL_S) as connection:
        connection.putrequest(method, path)
        connection.putheader("Content-Length", str(len(body)))
        connection.putheader("Connection", "close")
        for name, value in headers:
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.read(_MOST_BYTES)


def status_of(relay: str, path: str) -> int:
    """The status of a GET request to another relay.

    Raises:
        OSError, http.client.HTTPException: no answer.
    """
    return _get(relay, path)[0]


def date_of(relay: str) -> str | None:
    """The header Date of another relay; None without an answer."""
    try:
        return _get(relay, "/robots.txt")[1]
    except (OSError, http.client.HTTPException):
        return None


def _get(relay: str, path: str) -> tuple[int, str | None]:
    found = addresses(relay)
    if not found:
        raise OSError("the name has no IP address")
    with connected(found[0], HTTPS_PORT, relay, REMOTE_S) as connection:
        connection.request("GET", path, headers={"Connection": "close"})
        answer = connection.getresponse()
        return answer.status, answer.getheader("Date")


@contextlib.contextmanager
def connected(
    address: str, port: int, name: str, timeout_s: float
) -> Iterator[http.client.HTTPConnection]:
    """A TLS connection; another check looks at the certificate."""
    with (
        socket.create_connection((address, port), timeout=timeout_s) as plain,
        unchecked().wrap_socket(plain, server_hostname=name) as tls,
    ):
        connection = http.client.HTTPConnection(name, timeout=timeout_s)
        connection.sock = tls
        yield connection
