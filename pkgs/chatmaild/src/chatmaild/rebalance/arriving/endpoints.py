"""Serve other stores, which bring accounts: HTTP in the tunnel, on a port for stores alone.

All requests are POST; answers are JSON. 409 is a refusal, whose `problem` says why; 404 says that
there is no such copy, 503 that it cannot be done now.

/begin        {"id", "address", "bytes", "files"}: make room for a copy
/files?id=    files in the body, see `records`; with flush=1 they are on disk then
/flush        all copies are on disk then
/commit       {"id", "address", "digest", "news"}: make the copy the account; with `news`, wake its
              phones
/settle       {"id"}: {"committed": whether it is}; if not, it never will be
/done         {"id"}: the other store has no copy any more
/invite       {"token", "uses_left", "expires_s"}: keep an invite
/deleted?of=  names of deleted addresses, see `belongings`
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

from chatmaild import logs
from chatmaild.address import parse_address
from chatmaild.errors import BusyError, ProtocolError, RebalanceError
from chatmaild.rebalance import belongings, news, records
from chatmaild.rebalance.arriving.staging import Staging
from chatmaild.settings import Settings
from chatmaild.store.invites import Invites
from chatmaild.store.mailboxes import Mailboxes
from chatmaild.store.tombstones import Tombstones
from chatmaild.wire.http1 import Request, Response, json_response

_EndPoint = Callable[[Mapping[str, str], bytes], dict[str, Any] | None]
_LATER: Final = json_response({}, HTTPStatus.SERVICE_UNAVAILABLE)


class Stores:
    """The end points for other stores."""

    def __init__(self, settings: Settings) -> None:
        self._domain = settings.mail_domain
        self._deliveries = settings.sockets.deliveries
        self._staging = Staging(Mailboxes.of(settings), settings.directories.accounts)
        self._invites = Invites.of(settings)
        self._tombstones = Tombstones.of(settings)
        self._names = frozenset(settings.cluster.stores)
        self._end_points: Mapping[str, _EndPoint] = {
            "/begin": self._begin,
            "/files": self._files,
            "/flush": self._flush,
            "/commit": self._commit,
            "/settle": self._settle,
            "/done": self._done,
            "/invite": self._invite,
            "/deleted": self._deleted,
        }

    async def sweep(self) -> None:
        """Delete copies of moves that were given up."""
        await asyncio.to_thread(self._staging.sweep)

    async def handle(self, request: Request) -> Response:
        """Answer a request."""
        end_point = self._end_points.get(request.head.path)
        if end_point is None or request.head.method != "POST":
            return json_response({}, HTTPStatus.METHOD_NOT_ALLOWED)
        query = dict(parse_qsl(request.head.query, keep_blank_values=True))
        try:
            # files wait for the disk
            return json_response(await asyncio.to_thread(end_point, query, request.body) or {})
        except (ProtocolError, KeyError, TypeError, ValueError):
            return json_response({}, HTTPStatus.BAD_REQUEST)
        except RebalanceError as refusal:
            return json_response({"problem": str(refusal)}, HTTPStatus.CONFLICT)
        except FileNotFoundError:
            return json_response({}, HTTPStatus.NOT_FOUND)
        except BusyError:
            return _LATER
        except Exception as error:
            logs.log_error("request of a store", error)
            return _LATER

    def _begin(self, _: Mapping[str, str], body: bytes) -> None:
        content = json.loads(body)
        address = parse_address(content["address"])
        if address.domain != self._domain or address.account != address:
            raise ProtocolError("no account of this relay")
        self._staging.begin(
            content["id"], address, size_bytes=int(content["bytes"]), files=int(content["files"])
        )

    def _files(self, query: Mapping[str, str], body: bytes) -> None:
        flushes = query.get("flush") == "1"
        self._staging.write(query["id"], records.decode(body), flushes=flushes)

    def _flush(self, *_: object) -> None:
        self._staging.flush()

    def _commit(self, _: Mapping[str, str], body: bytes) -> None:
        content = json.loads(body)
        address = parse_address(content["address"]).account
        self._staging.commit(content["id"], address, content["digest"])
        if content["news"]:
            try:
                news.tell(Path(self._deliveries), address)
            except OSError as error:  # the account is here
                logs.log_error("notification of an account that has come", error)

    def _settle(self, _: Mapping[str, str], body: bytes) -> dict[str, Any]:
        return {"committed": self._staging.settle(json.loads(body)["id"])}

    def _done(self, _: Mapping[str, str], body: bytes) -> None:
        self._staging.done(json.loads(body)["id"])

    def _invite(self, _: Mapping[str, str], body: bytes) -> None:
        belongings.keep_invite(self._invites, json.loads(body))

    def _deleted(self, query: Mapping[str, str], body: bytes) -> None:
        store, name, at = query["of"], query["name"], int(query["at"])
        if store not in self._names:
            raise ProtocolError("no store of this relay")
        self._tombstones.keep(store, name, at, body)
