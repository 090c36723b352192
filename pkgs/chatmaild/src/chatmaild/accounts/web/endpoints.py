"""Answer requests that nginx passes on: `/new` and `/account/delete`.

POST /new               {"email", "password"}, in self-signed mode with "dclogin_url"; the first
                        login creates the account, or this request does so with `/new?TOKEN`
GET /new                301 to `dcaccount:https://DOMAIN/new`; in self-signed mode as POST
/cgi-bin/newemail.py    the same, for QR codes that were printed long ago
POST /account/delete    form or JSON with "address" and "password"; a browser is sent to a page

Refusals are {"reason": SENTENCE} in the language of Accept-Language: Delta Chat shows it.
"""

import json
import time
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import parse_qsl

from chatmaild.accounts.credentials import dclogin_url, invite_link, random_password
from chatmaild.accounts.limits.buckets import IpLimit
from chatmaild.accounts.limits.creations import Creations
from chatmaild.accounts.web.language import LANGUAGES, preferred, sentence
from chatmaild.address import Address, address_or_none
from chatmaild.errors import BusyError, RegistrationRefused, TooManyError
from chatmaild.settings import Settings
from chatmaild.wire.http1 import Request, Response, json_response

NEW_PATHS: Final = ("/new", "/cgi-bin/newemail.py")
DELETE_PATH: Final = "/account/delete"

# a refusal's status where it is not 403 Forbidden
_STATUS: Final = {
    "stopped": 503,
    "overloaded": 503,
    "fault": 500,
    "too-many": 429,
    "bad-request": 400,
    "method": 405,
    "not-found": 404,
    "too-large": 413,
}
_CODE_OF_STATUS: Final = {405: "method", 413: "too-large", 404: "not-found", 500: "fault"}
# seconds; a bucket of two requests a second has one by then
RETRY_AFTER: Final = "1"


class Accounts(Protocol):
    """Makes and deletes addresses: on this machine (`own`), or on the stores behind a front."""

    async def new(self, token: str, password: str, ip: str, /) -> Address:
        """Return a new address: created for an invite, else kept for its first login.

        Raises:
            RegistrationRefused: no address is made now, or the invite cannot be used.
            BusyError: nothing can be decided now.
        """

    async def delete(self, address: Address, password: bytes, ip: str) -> bool:
        """Delete an account; return False if it does not exist or has another password.

        Raises:
            TooManyError: wrong passwords of this IP address's network.
            BusyError: nothing can be decided now.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class _Deletion:
    """A request to delete; `address` is None for a text that is none, `language` the form's."""

    address: Address | None
    password: bytes
    language: str


class Web:
    """The end points behind nginx."""

    def __init__(self, settings: Settings, accounts: Accounts, creations: Creations) -> None:
        self._settings = settings
        self._accounts = accounts
        self._creations = creations
        limits = settings.registration
        self._deletions = IpLimit(limits.per_ip_burst, limits.per_ip_refill_per_second)

    async def handle(self, request: Request) -> Response:
        """Answer a request; a refusal has its reason in the language of the request."""
        try:
            if request.head.path in NEW_PATHS:
                return await self._new(request)
            if request.head.path == DELETE_PATH:
                return await self._delete(request)
            return refuse("not-found", request)
        except RegistrationRefused as refused:
            return refuse(refused.code, request)
        except TooManyError:
            return refuse("too-many", request, retry_after=RETRY_AFTER)
        except BusyError:
            return refuse("overloaded", request)

    def refusal(self, status: int) -> Response:
        """Return the answer to an unreadable request, whose language is unknown: in English."""
        code = _CODE_OF_STATUS.get(status, "bad-request")
        return json_response({"reason": sentence(code, LANGUAGES[0])}, status)

    async def _new(self, request: Request) -> Response:
        token = request.head.query
        if request.head.method in ("GET", "HEAD") and self._settings.tls.trusted:
            location = invite_link(self._settings, _printable(token)).replace(
                "DCACCOUNT", "dcaccount"
            )
            return Response(status=301, headers={"Location": location})
        if request.head.method not in ("GET", "HEAD", "POST"):
            return refuse("method", request, allow="GET, HEAD, POST")
        ip = client_ip(request)
        self._creations.pay(ip)
        if request.head.method == "HEAD":
            # a HEAD request does not get the password, so there is nothing to offer
            return Response(headers={"Cache-Control": "no-store"})
        password = random_password(self._settings.accounts)
        return self._credentials(await self._accounts.new(token, password, ip), password)

    def _credentials(self, address: Address, password: str) -> Response:
        content = {"email": str(address), "password": password}
        if not self._settings.tls.trusted:
            content["dclogin_url"] = dclogin_url(address, password, self._settings)
        return json_response(content, cache_control="no-store")

    async def _delete(self, request: Request) -> Response:
        if request.head.method != "POST":
            return refuse("method", request, allow="POST")
        if not self._deletions.allow(client_ip(request), time.monotonic()):
            return _page("not-now", request, "") or refuse(
                "too-many", request, retry_after=RETRY_AFTER
            )
        wanted = parse_deletion(request)
        if wanted is None:
            return _page("not-deleted", request, "") or refuse("bad-request", request)
        address = wanted.address
        try:
            deleted = address and await self._accounts.delete(
                address, wanted.password, client_ip(request)
            )
        except BusyError:
            if page := _page("not-now", request, wanted.language):
                return page
            raise
        if not deleted:
            return _page("not-deleted", request, wanted.language) or refuse("credentials", request)
        return _page("deleted", request, wanted.language) or json_response({"deleted": True})


def refuse(code: str, request: Request, **headers: str) -> Response:
    """Return a refusal with its reason in the language of the request."""
    language = preferred(request.head.value("accept-language"))
    return json_response(
        {"reason": sentence(code, language)},
        _STATUS.get(code, 403),
        content_language=language,
        cache_control="no-store",
        **headers,
    )


def client_ip(request: Request) -> str:
    """Return the client's IP address; nginx sets the header, whatever the client sent."""
    return request.head.value("x-real-ip")


def parse_deletion(request: Request) -> _Deletion | None:
    """Parse a request to delete; None when it lacks a field."""
    kind = request.head.value("content-type").partition(";")[0].strip().lower()
    try:
        text = request.body.decode()
        fields = json.loads(text) if kind == "application/json" else dict(parse_qsl(text))
        address, password = fields["address"], fields["password"]
        language = fields.get("language", "")
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    if not (isinstance(address, str) and isinstance(password, str) and isinstance(language, str)):
        return None
    return _Deletion(
        address=address_or_none(address.strip()),
        password=password.encode("utf-8", "surrogatepass"),
        language=language,
    )


def _page(name: str, request: Request, language: str) -> Response | None:
    """Send a browser that filled in the form to a page; None for other clients."""
    if "text/html" not in request.head.value("accept"):
        return None
    if language not in LANGUAGES:
        language = preferred(request.head.value("accept-language"))
    return Response(status=303, headers={"Location": f"/{language}/{name}.html"})


def _printable(text: str) -> str:
    return text if all("!" <= char <= "~" for char in text) else ""
