"""Answer Dovecot's HTTP requests: password checks.

The port is for Dovecot's user alone, for a login creates accounts.

POST /login       password grant (RFC 6749 section 4.3), with the client's IP address in
                  X-Dovecot-Auth-Remote: a right password is answered
                  {"access_token": "x", "user": ADDRESS, "active": true}, a wrong one
                  the same with false. After a right one `reason` is the operator's notice, which
                  the IMAP session shows as METADATA. What cannot be decided (a fault of ours, too
                  many wrong passwords, too many new addresses) is tried every second for 11 s,
                  then 503: a temporary failure, never a wrong password. Dovecot does not repeat it.
                  On a front, IMAP clients get it at once if the store of the address is lost.
POST /refusal     the same form, after a failed login: whether an address was refused for now. If
                  so, the answer is as for a right password, and `reason` is what the client sees.
                  Dovecot refuses the login nevertheless (result_success = return-fail). Without a
                  `reason` in each answer its auth process (2.4.1) crashes.

On a store the Dovecot of a front logs in for a client whose password the store has checked a moment
before (see `fronts`). Its IP address is the front's, so no limit may count this second check.
"""

import ipaddress
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

from chatmaild.accounts.limits.patience import Patience
from chatmaild.accounts.login import Logins
from chatmaild.accounts.refusals import Refusals
from chatmaild.address import Address, address_or_none
from chatmaild.errors import BusyError, MovingError, StoreLostError
from chatmaild.wire.http1 import Request, Response, json_response
from chatmaild.wire.http_server import Handler

# Dovecot requires a token; only that of a front uses it
TOKEN: Final = "x"  # noqa: S105
RETRY_AFTER_S: Final = "1"
# 192.0.2.1:993 or [2001:db8::1]:993
REMOTE: Final = "x-dovecot-auth-remote"
PROTOCOL: Final = "x-dovecot-auth-protocol"
# as Postfix calls itself
SMTP: Final = "smtp"
# made once: each login might need it
_LATER: Final = json_response(
    {"error": "temporarily_unavailable"},
    HTTPStatus.SERVICE_UNAVAILABLE,
    retry_after=RETRY_AFTER_S,
)


class Accepted(NamedTuple):
    """What Dovecot gets after a right password.

    Attributes:
        reason: the operator's notice.
        token: on a front, where Dovecot finds the account.
    """

    reason: str
    token: str = TOKEN


# Takes address, password and IP address; returns None for a wrong password. What it raises is tried
# again, see `limits.patience`.
Check = Callable[[Address, bytes, str], Awaitable[Accepted | None]]


def own_check(logins: Logins, notice: Callable[[], str]) -> Check:
    """Return the check of a relay on one machine: a first login creates the account."""

    async def check(address: Address, password: bytes, ip: str) -> Accepted | None:
        return Accepted(notice()) if await logins.login(address, password, ip) else None

    return check


def store_check(logins: Logins, notice: Callable[[], str], fronts: frozenset[str]) -> Check:
    """Return the check of a store: it creates nothing, and has no limit for the fronts.

    Args:
        fronts: the IP addresses of the fronts, as `normal_ip` writes them.
    """

    async def check(address: Address, password: bytes, ip: str) -> Accepted | None:
        if normal_ip(ip) in fronts:
            right = await logins.confirm(address, password)
        else:
            right = await logins.login_existing(address, password, ip)
        if right is None:
            # the front finds it at the next login
            raise MovingError("the account has moved to another store")
        return Accepted(notice()) if right else None

    return check


def handler(check: Check, refusals: Refusals, patience: Patience) -> Handler:
    """Return the handler of Dovecot's requests."""

    async def handle(request: Request) -> Response:
        match request.head.method, request.head.path:
            case "POST", "/login":
                ip = remote_ip(request.head.value(REMOTE))
                return await patience.answer(lambda: _login(request, check, ip), ip, _LATER)
            case "POST", "/refusal":
                return await _refusal(request, refusals, patience)
            case _:
                return Response(status=404)

    return handle


async def _login(request: Request, check: Check, ip: str) -> Response:
    given = credentials(request)
    if given is None:
        return json_response({"error": "invalid_request"}, 400)
    user, password = given
    address = address_or_none(user)
    try:
        accepted = None if address is None else await check(address, password, ip)
    except MovingError:
        # nothing changes here by waiting
        return _LATER
    except StoreLostError:
        # an SMTP client has to wait, see `_refusal`
        if request.head.value(PROTOCOL) == SMTP:
            raise
        return _LATER
    if accepted is None:
        return _answer(user, active=False)
    return _answer(str(address), active=True, reason=accepted.reason, token=accepted.token)


async def _refusal(request: Request, refusals: Refusals, patience: Patience) -> Response:
    given = credentials(request)
    if given is None:
        return json_response({"error": "invalid_request"}, 400)
    user, password = given
    address = address_or_none(user)
    reason = None if address is None else refusals.take(address, password)
    if reason is None:
        return _answer(user, active=False)
    answer = _answer(user, active=True, reason=reason)
    if request.head.value(PROTOCOL) != SMTP:
        return answer
    # Postfix answers 535 to every failure, and 454 if there is no answer for 10 s
    return await patience.answer(_never, remote_ip(request.head.value(REMOTE)), answer)


async def _never() -> Response:
    raise BusyError("the client shall wait")


def _answer(user: str, *, active: bool, reason: str = "", token: str = TOKEN) -> Response:
    # without token and user Dovecot reports a temporary failure
    return json_response({"access_token": token, "user": user, "active": active, "reason": reason})


def credentials(request: Request) -> tuple[str, bytes] | None:
    """Return user and password of a form; None if it is none."""
    try:
        # as latin-1 every byte is one character, so that a password of any encoding survives
        form = dict(
            parse_qsl(request.body.decode("ascii"), keep_blank_values=True, encoding="latin-1")
        )
        return form["username"], form["password"].encode("latin-1")
    except (ValueError, KeyError):
        return None


def remote_ip(endpoint: str) -> str:
    """Return the IP address of an end point; without a port, the text as it is."""
    ip, _, port = endpoint.rpartition(":")
    return ip.strip("[]") if port.isdecimal() and (":" not in ip or ip[0] == "[") else endpoint


def normal_ip(text: str) -> str:
    """Return an IP address in its one normal form, anything else as it is."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return text
