"""Stand-ins for stores: real HTTP servers that speak the contract, with accounts in memory."""

import asyncio
import contextlib
import json
import random
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from chatmaild.wire.http1 import Request, Response, json_response
from chatmaild.wire.http_server import http

from ...waiting import DEADLINE_S

LATER = json_response({}, 503, retry_after="1")
NOT_HERE = json_response({"here": False}, 404)


@dataclass
class Account:
    """What a store knows about an address."""

    password: str
    disabled: bool = False
    enforces: bool = True
    nearly_full: bool = False
    room: bool = True
    usable: bool = True


@dataclass
class StandIn:
    """A store.

    Attributes:
        address: where it listens, on a loopback address of its own.
        connections: how many it accepted, that of the watch included.
        beats: how often the watch asked.
        asked: the paths of all requests but those of the watch.
        overrides: answers instead of its own, by path.
        holds: requests for these paths wait for the event.
        answers: while clear, no request is answered.
    """

    address: str
    port: int
    notice: str = ""
    connections: int = 0
    beats: int = 0
    accounts: dict[str, Account] = field(default_factory=dict)
    reserved: set[str] = field(default_factory=set)
    invites: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    overrides: dict[str, Response] = field(default_factory=dict)
    holds: dict[str, asyncio.Event] = field(default_factory=dict)
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    _stack: AsyncExitStack | None = None

    async def start(self) -> None:
        """Listen and answer."""
        self.answers.set()
        listener = socket.create_server((self.address, self.port), backlog=100)
        listener.setblocking(False)
        self._stack = AsyncExitStack()
        await self._stack.enter_async_context(http(listener, self._handle, admits=self._count))

    async def stop(self) -> None:
        """Close the port and all connections, as a process that ended."""
        self.answers.set()
        for held in self.holds.values():
            held.set()
        if self._stack:
            await self._stack.aclose()
            self._stack = None

    def count(self, path: str) -> int:
        """How many requests for the path came."""
        return self.asked.count(path)

    def _count(self, _: socket.socket) -> bool:
        self.connections += 1
        return True

    async def _handle(self, request: Request) -> Response:
        path = request.head.path
        if path != "/alive":
            self.asked.append(path)
            self.requests.append(request)
        await self.answers.wait()
        if path in self.holds:
            await self.holds[path].wait()
        if answer := self.overrides.get(path):
            return answer
        handlers: Mapping[str, Callable[[Request], Awaitable[Response]]] = {
            "/alive": self._alive,
            "/address": self._address,
            "/room": self._room,
            "/login": self._login,
            "/first-login": self._first_login,
            "/new": self._new,
            "/invite/redeem": self._redeem,
            "/invite/give-back": self._give_back,
            "/account/delete": self._delete,
        }
        return await handlers[path](request)

    async def _alive(self, _: Request) -> Response:
        self.beats += 1
        return json_response({})

    async def _address(self, request: Request) -> Response:
        address = _query(request)["address"]
        account = self.accounts.get(address)
        return json_response(
            {
                "state": "here" if account else "free",
                "usable": bool(account and account.usable),
                "disabled": bool(account and account.disabled),
                "enforces": account is None or account.enforces,
                "nearly_full": bool(account and account.nearly_full),
            }
        )

    async def _room(self, request: Request) -> Response:
        account = self.accounts.get(_query(request)["address"])
        return json_response({"room": account is None or account.room})

    async def _login(self, request: Request) -> Response:
        form = dict(parse_qsl(request.body.decode()))
        account = self.accounts.get(form["username"])
        if account is None:
            return NOT_HERE
        right = form["password"] == account.password
        return json_response(
            {"result": "accepted", "reason": self.notice}
            if right
            else {"result": "refused", "reason": ""}
        )

    async def _first_login(self, request: Request) -> Response:
        form = dict(parse_qsl(request.body.decode()))
        # another first login comes in between
        await asyncio.sleep(0)
        self.accounts.setdefault(form["username"], Account(form["password"]))
        return await self._login(request)

    async def _new(self, request: Request) -> Response:
        content = json.loads(request.body)
        if content["address"] in self.accounts:
            return json_response({}, 409)
        if content["invite"]:
            self.accounts[content["address"]] = Account(content["password"])
        self.reserved.add(content["address"])
        return json_response({})

    async def _redeem(self, request: Request) -> Response:
        token = json.loads(request.body)["token"]
        left = self.invites.get(token)
        if not left:
            code = "invite-unknown" if left is None else "invite-used"
            return json_response({"code": code}, 404)
        self.invites[token] = left - 1
        return json_response({})

    async def _give_back(self, request: Request) -> Response:
        self.invites[json.loads(request.body)["token"]] += 1
        return json_response({})

    async def _delete(self, request: Request) -> Response:
        content = json.loads(request.body)
        account = self.accounts.get(content["address"])
        if account is None:
            return NOT_HERE
        if account.password != content["password"]:
            return json_response({}, 403)
        del self.accounts[content["address"]]
        return json_response({"deleted": True})


def _query(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.head.query))


async def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0.005)


def addresses(count: int) -> tuple[list[str], int]:
    """Return loopback addresses of machines, and a port that is free on all of them."""
    machines = [f"127.9.0.{number}" for number in range(1, count + 1)]
    return machines, next(free_ports(*machines))


def free_ports(*hosts: str) -> Iterator[int]:
    """Yield ports that are free on all hosts, below those that the kernel gives to clients."""
    for port in random.sample(range(20000, 32000), 1000):
        with contextlib.suppress(OSError):
            for host in hosts:
                socket.create_server((host, port)).close()
            yield port
