"""A directory of a front: the real HTTP server, with addresses in memory."""

import asyncio
import contextlib
import pathlib
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

from chatmaild.wire.http1 import Request, Response, json_response
from chatmaild.wire.http_server import http
from chatmaild.wire.listening import listen_unix

from ...waiting import DEADLINE_S
from .messages import ALICE, encrypted
from .process import Mta

_MACHINE = {"address": "fd00::1", "host": "192.0.2.1", "publicKey": "A" * 43 + "="}
# the cluster in its settings
FRONT = {
    "role": "front",
    "machine": "front1",
    "address": "fd00::1",
    "fronts": {"front1": _MACHINE},
    "stores": {"store1": _MACHINE | {"weight": 1, "state": "open"}},
    "placements": [{"store1": 1}],
}
HERE = {
    "state": "here",
    "usable": True,
    "disabled": False,
    "enforces": True,
    "nearly_full": False,
    "store": "store1",
}
UNKNOWN = {"state": "unknown"}
UNAVAILABLE = json_response({}, 503, retry_after="1")


class StandIn:
    """Runs in a thread, in the role of `chatmaild directory`.

    Attributes:
        known: what is answered for addresses; others are unknown.
        room: the bytes for which each mailbox has room.
        answers: instead of these, answers of any kind.
        asked: how often each path with its query was asked for.
        is_open: requests wait until it is set.
        held: requests for these addresses wait until the end.
    """

    def __init__(self, path: str) -> None:
        self.known: dict[str, dict[str, Any]] = {}
        self.room: dict[str, int] = {}
        self.answers: dict[str, Response] = {}
        self.asked: Counter[str] = Counter()
        self.is_open = threading.Event()
        self.is_open.set()
        self.held: set[str] = set()
        self._ended = threading.Event()
        self._path = path
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))

    @contextlib.contextmanager
    def running(self) -> Iterator["StandIn"]:
        """Answer while the context is open."""
        self._thread.start()
        assert self._started.wait(DEADLINE_S)
        try:
            yield self
        finally:
            self.is_open.set()
            self._ended.set()
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()
            self._loop.close()
            pathlib.Path(self._path).unlink()

    async def _run(self) -> None:
        listener = listen_unix(self._path)
        with listener:
            async with http(listener, self._answer):
                self._started.set()
                await self._stopping.wait()
        # requests whose client is gone
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*tasks)

    async def _answer(self, request: Request) -> Response:
        fields = {name: text for name, [text] in parse_qs(request.head.query).items()}
        address = fields["address"]
        self.asked[f"{request.head.path} {address}"] += 1
        await asyncio.to_thread(self.is_open.wait)
        if address in self.held:
            await asyncio.to_thread(self._ended.wait)
        if (path := f"{request.head.path} {address}") in self.answers:
            return self.answers[path]
        if address in self.answers:
            return self.answers[address]
        if request.head.path == "/room":
            return json_response({"room": int(fields["size"]) <= self.room.get(address, 0)})
        return json_response(self.known.get(address, UNKNOWN))


def kinds(answers: list[tuple[bytes, bytes]]) -> list[bytes]:
    """The first bytes of answers."""
    return [action + data[:9].rstrip(b"\0") for action, data in answers]


def send(submission: Mta, *recipients: str, body: bytes | None = None) -> list[bytes]:
    """Send a message of Alice; the answers to it."""
    submission.send_envelope("submission", ALICE, *recipients)
    return kinds(submission.content(ALICE, body=encrypted() if body is None else body))
