"""What Dovecot posts to us over loopback: passwords to check, and deliveries that took place.

POST /login       password grant (RFC 6749 section 4.3): a right password is answered
                  {"access_token": "x", "user": ADDRESS, "active": true}, a wrong one
                  the same with false. Anything but 2xx makes Dovecot say "temporary failure", which
                  is the answer to a fault of ours and never to a wrong password.
POST /event       event exporter, see push/events.py
GET  /metrics     counters in the text format of Prometheus
"""

from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl

from chatmaild.accounts.http import Handler, Request, Response, json_response
from chatmaild.accounts.logins import Logins
from chatmaild.errors import BusyError
from chatmaild.metrics import Counters

# Dovecot uses the token for nothing, it only wants to see one
TOKEN = "x"  # noqa: S105


def handler(
    logins: Logins, counters: Counters, delivered: Callable[[bytes], Awaitable[None]]
) -> Handler:
    """The end points that Dovecot knows."""

    async def handle(request: Request) -> Response:
        match request.method, request.path:
            case "POST", "/login":
                return await _login(request, logins)
            case "POST", "/event":
                await delivered(request.body)
                return Response()
            case "GET", "/metrics":
                return Response(body=counters.text().encode())
            case _:
                return Response(status=404)

    return handle


async def _login(request: Request, logins: Logins) -> Response:
    try:
        # as latin-1 every byte is one character, so that a password of any encoding survives
        form = dict(
            parse_qsl(request.body.decode("ascii"), keep_blank_values=True, encoding="latin-1")
        )
        user, password = form["username"], form["password"].encode("latin-1")
    except (ValueError, KeyError):
        return json_response({"error": "invalid_request"}, 400)
    try:
        address = await logins.login(user, password)
    except BusyError:
        return json_response({"error": "temporarily_unavailable"}, 503)
    if address is None:
        # token and user belong here, too: without them Dovecot tells of a temporary failure
        return json_response({"access_token": TOKEN, "user": user, "active": False})
    return json_response({"access_token": TOKEN, "user": address, "active": True})
