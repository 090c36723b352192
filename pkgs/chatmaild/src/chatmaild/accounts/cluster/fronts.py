"""Answer the fronts of a relay on several machines: this machine is a store.

Fronts send HTTP through the tunnel; answers are JSON. An address stands in the query, as
`address=a%40b.example`, or in a JSON body. 503 says that nothing is known: the front tries again
later, and tells its client so; {"leaves": true} says that another store may have the account. A
client's IP address, for the limit of wrong passwords, is in X-Client-Address; the front has counted
new addresses.

GET /alive              {"identity"}, see `identity`
GET /address?address=A  {"state", "usable", "disabled", "enforces", "nearly_full"}; the state is
                        `here` for an account, `free` for a name that it can have, else `absent`
GET /room?address=A&size=N   {"room": whether Dovecot has room for a message of N bytes}
POST /login             a form with username and password: {"result": "accepted" or "refused",
                        "reason": the operator's notice, or what the client is told}; 404 without
                        such an account
POST /first-login       the same; it creates the account, if it may
POST /new               {"address", "password", "invite"}: with an invite, which the front has
                        redeemed, create the account; without, say whether a first login may do so.
                        409 if the name is not free, else {"code"} of the refusal
POST /invite/redeem     {"token"}: count a use; 404 with {"code"} if it has none
POST /invite/give-back  {"token"}: undo that
POST /account/delete    {"address", "password", "ip"}: {"deleted": true}, 403 or 404
POST /command           see `commands`: what an operator asks on a front
"""

import asyncio
import logging
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Final

from chatmaild import logs
from chatmaild.accounts import lifecycle
from chatmaild.accounts.cluster import commands, identity, moves
from chatmaild.accounts.cluster.reading import encoded, query, texts
from chatmaild.accounts.dovecot import credentials, normal_ip
from chatmaild.accounts.login import Logins
from chatmaild.accounts.registration import RegistrationSwitch
from chatmaild.address import Address, address_or_none, limit_problem
from chatmaild.errors import BusyError, RegistrationRefused
from chatmaild.metrics import Counters
from chatmaild.settings import Settings
from chatmaild.store.decisions.notice import Notice
from chatmaild.store.fullness import Fullness
from chatmaild.store.invites import Invites
from chatmaild.store.mail.moving import Movement
from chatmaild.store.mail.room import Room
from chatmaild.store.mailboxes import Mailboxes
from chatmaild.wire.http1 import HttpError, Request, Response, json_response

_log = logging.getLogger(__name__)

CLIENT: Final = "x-client-address"
RETRY_AFTER_S: Final = "1"
NOT_HERE: Final = json_response({"here": False}, HTTPStatus.NOT_FOUND)
# a message has fewer bytes than this has digits
_MAX_DIGITS: Final = 15

_EndPoint = Callable[[Request], Awaitable[Response]]


class Fronts:
    """The end points for the fronts."""

    def __init__(self, settings: Settings, logins: Logins, counters: Counters) -> None:
        self._settings = settings
        self._logins = logins
        self._counters = counters
        self._mailboxes = Mailboxes.of(settings)
        self._movement = Movement(settings.directories.mail, settings.directories.accounts)
        self._fullness = Fullness(self._mailboxes)
        self._room = Room(settings.sockets.quota_status)
        self._switch = RegistrationSwitch(settings)
        self._invites = Invites.of(settings)
        self._notice = Notice(settings)
        self._fronts = addresses_of_fronts(settings)
        self._beat = json_response({"identity": identity.of_store(settings)})
        self._end_points: Mapping[str, tuple[str, _EndPoint]] = {
            "/alive": ("GET", self._alive),
            "/address": ("GET", self._address),
            "/room": ("GET", self._has_room),
            "/login": ("POST", partial(self._login, may_create=False)),
            "/first-login": ("POST", partial(self._login, may_create=True)),
            "/new": ("POST", self._new),
            "/invite/redeem": ("POST", self._redeem),
            "/invite/give-back": ("POST", self._give_back),
            "/account/delete": ("POST", self._delete),
            "/command": ("POST", commands.answer),
        }

    def admits(self, connection: socket.socket) -> bool:
        """Whether a connection is from a front: others could create accounts."""
        return normal_ip(connection.getpeername()[0]) in self._fronts

    async def handle(self, request: Request) -> Response:
        """Answer a request; a fault is a 503, which a front takes for `unavailable`."""
        method, end_point = self._end_points.get(request.head.path, ("", None))
        if end_point is None:
            return json_response({}, HTTPStatus.NOT_FOUND)
        if request.head.method != method:
            return json_response({}, HTTPStatus.METHOD_NOT_ALLOWED, allow=method)
        try:
            return await moves.settled(partial(end_point, request))
        except HttpError as error:
            return json_response({}, error.status)
        except BusyError:
            return later()
        except Exception as error:
            logs.log_error("request of a front", error)
            return later()

    @staticmethod
    def refusal(status: int) -> Response:
        """Answer a request that cannot be read."""
        return json_response({}, status)

    async def _alive(self, _: Request) -> Response:
        return self._beat

    async def _address(self, request: Request) -> Response:
        address = self._account(query(request).get("address"))
        here = self._mailboxes.exists(address)
        if not here and self._movement.has_just_left(address):
            # the front may have asked the other store before
            return moves.LEAVES
        free = not here and self._may_be_made(address)
        return json_response(
            {
                "state": "here" if here else "free" if free else "absent",
                "usable": self._mailboxes.is_usable(address),
                "disabled": self._mailboxes.is_disabled(address),
                "enforces": not self._mailboxes.accepts_clear_text(address),
                "nearly_full": self._fullness.is_nearly_full(address),
            }
        )

    async def _has_room(self, request: Request) -> Response:
        fields = query(request)
        address, size = self._account(fields.get("address")), fields.get("size", "")
        if not (size.isascii() and size.isdigit() and len(size) <= _MAX_DIGITS):
            raise HttpError(400)
        if not self._mailboxes.exists(address):
            return NOT_HERE
        room = await asyncio.to_thread(self._room.has_room, address, int(size))
        return json_response({"room": room})

    async def _login(self, request: Request, *, may_create: bool) -> Response:
        given = credentials(request)
        if given is None:
            raise HttpError(400)
        address, password = address_or_none(given[0]), given[1]
        if address is None:
            return _decided(right=False, reason="")
        self._movement.check(address)
        ip, logins = request.head.value(CLIENT), self._logins
        right = await (logins.login if may_create else logins.login_existing)(address, password, ip)
        if right is None:
            return self._not_here(address)
        if right:
            return _decided(right=True, reason=self._notice.current())
        return _decided(right=False, reason=logins.refusals.take(address, password) or "")

    async def _new(self, request: Request) -> Response:
        fields = texts(request, "address", "password", "invite")
        address, password = self._account(fields["address"]), fields["password"]
        if limit_problem(address.local, password, self._settings.accounts):
            raise HttpError(400)
        try:
            return await self._reserve(address, password, fields["invite"])
        except RegistrationRefused as refused:
            self._counters.add("registrations_refused", reason=refused.code)
            is_temporary = refused.code in ("stopped", "overloaded")
            return json_response({"code": refused.code}, 503 if is_temporary else 403)
        except BusyError:
            return json_response({"code": "overloaded"}, 503, retry_after=RETRY_AFTER_S)

    async def _reserve(self, address: Address, password: str, invite: str) -> Response:
        taken = json_response({}, HTTPStatus.CONFLICT)
        if not self._logins.is_free(address):
            return taken
        if invite:
            self._switch.check_capacity()
            if not await self._logins.create(address, encoded(password)):
                return taken
        else:
            self._switch.check_open()
        self._counters.add("addresses_offered")
        return json_response({})

    async def _redeem(self, request: Request) -> Response:
        token = texts(request, "token")["token"]
        try:
            self._invites.redeem(token, now_s=time.time())
        except RegistrationRefused as refused:
            return json_response({"code": refused.code}, HTTPStatus.NOT_FOUND)
        return json_response({})

    async def _give_back(self, request: Request) -> Response:
        token = texts(request, "token")["token"]
        if self._invites.get(token) is None:
            return json_response({}, HTTPStatus.NOT_FOUND)
        self._invites.give_back(token)
        return json_response({})

    async def _delete(self, request: Request) -> Response:
        fields = texts(request, "address", "password", "ip")
        address = self._account(fields["address"])
        if not self._mailboxes.exists(address):
            return self._not_here(address)
        if not await self._logins.is_right(address, encoded(fields["password"]), fields["ip"]):
            return json_response({}, HTTPStatus.FORBIDDEN)
        await asyncio.to_thread(lifecycle.delete, self._settings, address, keep_name=True)
        self._counters.add("addresses_deleted", by="person")
        _log.info("deleted an address at its owner's wish (%s)", logs.pseudonym(address))
        return json_response({"deleted": True})

    def _not_here(self, address: Address) -> Response:
        # the front may have asked the other store before the account came there
        return moves.LEAVES if self._movement.has_just_left(address) else NOT_HERE

    def _may_be_made(self, address: Address) -> bool:
        limits = self._settings.accounts
        good_password = "x" * limits.password_min_length
        has_good_name = limit_problem(address.local, good_password, limits) is None
        return has_good_name and self._logins.is_free(address)

    def _account(self, text: str | None) -> Address:
        """Return the account of a text.

        Raises:
            HttpError: 400, it is no address of this relay.
            MovingError: it moves to another store.
        """
        address = address_or_none(text or "")
        if address is None or address.domain != self._settings.mail_domain:
            raise HttpError(400)
        self._movement.check(address)
        return address.account


def addresses_of_fronts(settings: Settings) -> frozenset[str]:
    """Return the IP addresses of all fronts in the tunnel, as `normal_ip` writes them."""
    return frozenset(normal_ip(front.address) for front in settings.cluster.fronts.values())


def later() -> Response:
    """Return the answer to what cannot be decided now."""
    return json_response({}, HTTPStatus.SERVICE_UNAVAILABLE, retry_after=RETRY_AFTER_S)


def _decided(*, right: bool, reason: str) -> Response:
    return json_response({"result": "accepted" if right else "refused", "reason": reason})
