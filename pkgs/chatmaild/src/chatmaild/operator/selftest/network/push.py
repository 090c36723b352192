"""Push: the notification server answers. No phone is notified."""

import http.client
import ssl
from typing import Final
from urllib.parse import urlsplit

from chatmaild.operator.selftest.report import Check, ok, skipped, warned
from chatmaild.settings import Settings

NAME: Final = "push"
DEADLINE_S: Final = 5.0
LEAST_BROKEN: Final = 500


def check(settings: Settings) -> Check:
    """Ask the notification server for the URL, and decide."""
    if not settings.push.enable:
        return skipped(NAME, "services.chatmail.push.enable is false")
    url = urlsplit(settings.push.notifier_url)
    host = url.hostname or ""
    connection = http.client.HTTPSConnection(
        host, url.port or 443, timeout=DEADLINE_S, context=ssl.create_default_context()
    )
    try:
        # it takes tokens by POST only: GET notifies no phone
        connection.request("GET", url.path or "/")
        return judge(host, connection.getresponse().status)
    except (OSError, http.client.HTTPException) as error:
        return judge(host, type(error).__name__)
    finally:
        connection.close()


def judge(host: str, found: int | str) -> Check:
    """Decide; `found` is the HTTP status, or the kind of error."""
    if isinstance(found, int) and found < LEAST_BROKEN:
        return ok(NAME, f"the notification server answers ({found})")
    return warned(
        NAME,
        f"the notification server {host} does not answer ({found}): notifications are late",
        "wait if it is down; otherwise check outgoing port 443: chatmail selftest"
        " --only mxdeliv-out",
    )
