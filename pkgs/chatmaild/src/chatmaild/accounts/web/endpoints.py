"""Answer requests that nginx passes on: `/new` and `/account/delete`.

POST /new               {"email", "password"}, in self-signed mode with "dclogin_url"; the first
                        login creates the account, or this request does so with `/new?TOKEN`
GET /new                301 to `dcaccount:https://DOMAIN/new`; in self-signed mode as POST
/cgi-bin/newemail.py    the same, for QR codes that were printed long ago
POST /account/delete    form or JSON with "address" and "password"; a browser is sent to a page

Refusals are {"reason": SENTENCE} in the language of Accept-Language: Delta Chat shows it.
"""

import asyncio
import json
import logging
import time
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from chatmaild import logs
from chatmaild.accounts import lifecycle
from chatmaild.accounts.credentials import dclogin_url, invite_link, random_name, random_password
from chatmaild.accounts.limits.buckets import IpLimit
from chatmaild.accounts.limits.creations import Creations
from chatmaild.accounts.login import Logins
from chatmaild.accounts.registration import RegistrationSwitch
from chatmaild.accounts.web.language import LANGUAGES, preferred, sentence
from chatmaild.address import Address, address_or_none, parse_address
from chatmaild.errors import BusyError, RegistrationRefused, TooManyError
from chatmaild.metrics import Counters
from chatmaild.settings import Settings
from chatmaild.store.invites import Invites
from chatmaild.wire.http1 import Request, Response, json_response

_log = logging.getLogger(__name__)

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
# a name of nine random characters is free at the first attempt
MAX_NAME_ATTEMPTS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class _Deletion:
    """A request to delete; `address` is None for a text that is none, `language` the form's."""

    address: Address | None
    password: bytes
    language: str


class Web:
    """The end points behind nginx."""

    def __init__(
        self, settings: Settings, logins: Logins, counters: Counters, creations: Creations
    ) -> None:
        self._settings = settings
        self._logins = logins
        self._counters = counters
        self._invites = Invites.of(settings)
        self._switch = RegistrationSwitch(settings)
        limits = settings.registration
        self._creations = creations
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
            self._counters.add("rejected_registrations", reason=refused.code)
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
        self._creations.pay(client_ip(request))
        if request.head.method == "HEAD":
            # a HEAD request does not get the password, so there is nothing to offer
            return Response(headers={"Cache-Control": "no-store"})
        password = random_password(self._settings.accounts)
        if token and (not self._switch.is_open or self._invites.get(token)):
            address = await self._create_invited(token, password)
        else:
            self._switch.check_open()
            address = self._free_address()
            self._creations.offer(address)
        self._counters.add("offered_addresses")
        return self._credentials(address, password)

    async def _create_invited(self, token: str, password: str) -> Address:
        self._switch.check_capacity()
        self._invites.redeem(token, now_s=time.time())
        try:
            return await self._create_free(password.encode())
        except BaseException:
            self._invites.give_back(token)
            raise

    async def _create_free(self, password: bytes) -> Address:
        address = self._free_address()
        while not await self._logins.create(address, password):
            address = self._free_address()
        return address

    def _free_address(self) -> Address:
        for _ in range(MAX_NAME_ATTEMPTS):
            name = random_name(self._settings.accounts)
            address = parse_address(f"{name}@{self._settings.mail_domain}")
            if self._logins.is_free(address):
                return address
        raise BusyError("no free name")

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
            right = address and await self._logins.is_right(
                address, wanted.password, client_ip(request)
            )
        except BusyError:
            if page := _page("not-now", request, wanted.language):
                return page
            raise
        if not address or not right:
            return _page("not-deleted", request, wanted.language) or refuse("credentials", request)
        await asyncio.to_thread(lifecycle.delete, self._settings, address, keep_name=True)
        self._counters.add("deleted_accounts", by="person")
        _log.info("deleted an address at its owner's wish (%s)", logs.pseudonym(address))
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
