"""Tell the filter about addresses: HTTP on a unix socket.

GET /address?address=A       what the store says, with {"store": NAME, "state": "here"}; for an
                             address that no store has, {"state": "unknown"}
GET /room?address=A&size=N   {"room": whether the mailbox has room for a message of N bytes}

503 says that a store gives no answer: mail waits. The filter keeps nothing, see `directory`.
"""

from dataclasses import asdict
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl

from chatmaild.address import Address, address_or_none
from chatmaild.directory import store_api
from chatmaild.directory.directory import Directory, Place
from chatmaild.errors import StoreDownError
from chatmaild.wire.http1 import Request, Response, json_response
from chatmaild.wire.http_server import Handler

UNKNOWN: Final = json_response({"state": "unknown"})
IN_DOUBT: Final = json_response({}, HTTPStatus.SERVICE_UNAVAILABLE)
_BAD: Final = json_response({}, HTTPStatus.BAD_REQUEST)
# of a number of bytes; no message has more
_MAX_DIGITS: Final = 15


def handler(directory: Directory, domain: str) -> Handler:
    """Return the handler of the filter's requests.

    Args:
        domain: the domain of this relay; no store has another address.
    """

    async def find(address: Address) -> Place | None:
        return await directory.find(address) if address.domain == domain else None

    async def handle(request: Request) -> Response:
        fields = dict(parse_qsl(request.head.query, keep_blank_values=True))
        address, size = address_or_none(fields.get("address", "")), fields.get("size", "")
        if request.head.method != "GET" or address is None:
            return _BAD
        try:
            match request.head.path:
                case "/address":
                    return _state(await find(address))
                case "/room" if size.isascii() and size.isdigit() and len(size) <= _MAX_DIGITS:
                    return await _room(await find(address), address, size)
                case _:
                    return _BAD
        except StoreDownError:
            return IN_DOUBT

    return handle


def _state(place: Place | None) -> Response:
    if place is None:
        return UNKNOWN
    return json_response({"store": place.store.name, "state": "here"} | asdict(place.state))


async def _room(place: Place | None, address: Address, size: str) -> Response:
    # what no store has is refused for that reason, not for want of room
    has_room = place is None or await store_api.has_room(place.store, address, size)
    return json_response({"room": has_room})
