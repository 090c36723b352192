"""Answer Dovecot's HTTP requests: password checks and delivery events.

The port is for Dovecot's user alone, for a login creates accounts. Over a unix socket, Dovecot's
HTTP client drops events at once while this service is stopped, instead of repeating them.

POST /login       password grant (RFC 6749 section 4.3): a right password is answered
                  {"access_token": "x", "user": ADDRESS, "active": true}, a wrong one
                  the same with false. A fault of ours is 503, never a wrong password: Dovecot
                  repeats the request every second for 12 s, then says "temporary failure".
POST /event       event exporter, see push/events.py; repeated after a 503, too
"""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl

from chatmaild.accounts.login import Logins
from chatmaild.address import address_or_none
from chatmaild.errors import BusyError
from chatmaild.wire import serve
from chatmaild.wire.http1 import Request, Response, json_response
from chatmaild.wire.http_server import Handler

# Dovecot requires a token and does not use it
TOKEN: Final = "x"  # noqa: S105
RETRY_AFTER_S: Final = "1"


def handler(logins: Logins, delivered: Callable[[bytes], Awaitable[None]]) -> Handler:
    """Return the handler of Dovecot's requests."""

    async def handle(request: Request) -> Response:
        match request.head.method, request.head.path:
            case "POST", "/login":
                return await _or_later(_login(request, logins))
            case "POST", "/event":
                return await _or_later(_heard(delivered(request.body)))
            case _:
                return Response(status=404)

    return handle


async def _or_later(answer: Awaitable[Response]) -> Response:
    """Return the answer; after a fault, 503 with Retry-After."""
    try:
        return await answer
    except BusyError:
        pass
    except Exception as error:
        serve.log_error("request", error)
    return json_response(
        {"error": "temporarily_unavailable"},
        HTTPStatus.SERVICE_UNAVAILABLE,
        retry_after=RETRY_AFTER_S,
    )


async def _heard(event: Awaitable[None]) -> Response:
    await event
    return Response()


async def _login(request: Request, logins: Logins) -> Response:
    try:
        # as latin-1 every byte is one character, so that a password of any encoding survives
        form = dict(
            parse_qsl(request.body.decode("ascii"), keep_blank_values=True, encoding="latin-1")
        )
        user, password = form["username"], form["password"].encode("latin-1")
    except (ValueError, KeyError):
        return json_response({"error": "invalid_request"}, 400)
    address = address_or_none(user)
    if address is None or not await logins.login(address, password):
        # without token and user Dovecot reports a temporary failure
        return json_response({"access_token": TOKEN, "user": user, "active": False})
    return json_response({"access_token": TOKEN, "user": str(address), "active": True})
