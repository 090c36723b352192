"""Answer GET /metrics; with a token, only to clients that send it (RFC 6750 section 2.1)."""

import hmac
import os
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from chatmaild.errors import SettingsError
from chatmaild.metrics.counters import CONTENT_TYPE
from chatmaild.settings import Settings
from chatmaild.wire.http1 import Request, Response, plain_response
from chatmaild.wire.http_server import Handler

# systemd.exec(5), LoadCredential=
CREDENTIALS: Final = "CREDENTIALS_DIRECTORY"
TOKEN: Final = "token"  # noqa: S105 - a file name


def handler(page: Callable[[], Awaitable[bytes]], token: str | None) -> Handler:
    """Return the handler of Prometheus' requests."""
    expected = None if token is None else f"Bearer {token}".encode()

    async def handle(request: Request) -> Response:
        head = request.head
        given = head.value("authorization").encode(errors="replace")
        if expected is not None and not hmac.compare_digest(given, expected):
            return plain_response(401, www_authenticate="Bearer")
        if head.path != "/metrics":
            return plain_response(404)
        if head.method not in {"GET", "HEAD"}:
            return plain_response(405, allow="GET, HEAD")
        return Response(body=await page(), content_type=CONTENT_TYPE)

    return handle


def read_token(settings: Settings) -> str | None:
    """Return the token that clients must send; None on loopback without one.

    Raises:
        OSError: the file cannot be read.
        SettingsError: it is empty, or the address needs one and has none.
    """
    monitoring = settings.monitoring.metrics
    if monitoring.token_file is None:
        if not ip_address(monitoring.address).is_loopback:
            raise SettingsError("monitoring.metrics.address is not loopback: set tokenFile, too")
        return None
    directory = os.environ.get(CREDENTIALS)
    path = Path(directory) / TOKEN if directory else Path(monitoring.token_file)
    token = path.read_text("utf-8").strip()
    if not token:
        raise SettingsError("monitoring.metrics.tokenFile is empty")
    return token
