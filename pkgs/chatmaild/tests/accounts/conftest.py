"""A running accounts service: its sockets are real, its directories temporary."""

import asyncio
import json
import os
import pwd
import socket
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any

import pytest

from chatmaild.accounts.limits import creations, guesses
from chatmaild.accounts.limits.buckets import IpLimit
from chatmaild.accounts.service import set_up
from chatmaild.metrics import collecting
from chatmaild.settings import Settings

from ..waiting import DEADLINE_S

Scenario = Callable[["Relay"], Coroutine[Any, Any, None]]


class Relay:
    """The service as its clients see it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.request = request
        self.read_answer = read_answer

    async def login(self, user: str, password: str, ip: str = "192.0.2.1") -> tuple[int, bytes]:
        """Post what Dovecot posts."""
        from urllib.parse import urlencode

        form = urlencode({"grant_type": "password", "username": user, "password": password})
        remote = f"[{ip}]:4711" if ":" in ip else f"{ip}:4711"
        return await self.post_login(form.encode(), x_dovecot_auth_remote=remote)

    async def post_login(
        self, body: bytes, path: str = "/login", method: str = "POST", **headers: str
    ) -> tuple[int, bytes]:
        """Post a body to the end point of Dovecot."""
        streams = await asyncio.open_connection("127.0.0.1", self.settings.ports.login)
        return (await exchange(*streams, request(method, path, body, **headers)))[::2]

    async def metrics(self) -> str:
        """Read the counters as the collector does."""
        return (await collecting.read(self.settings.sockets.accounts_metrics)).text

    async def web(
        self, method: str, path: str, body: bytes = b"", **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Send a request as nginx does."""
        streams = await asyncio.open_unix_connection(self.settings.sockets.web)
        return await exchange(*streams, request(method, path, body, **headers))

    async def front(
        self, method: str, path: str, body: bytes = b"", **headers: str
    ) -> tuple[int, Any]:
        """Send a request as a front does; return the status and the JSON."""
        host, port = self.settings.cluster.address, self.settings.ports.accounts
        streams = await asyncio.open_connection(host, port)
        status, _, answer = await exchange(*streams, request(method, path, body, **headers))
        return status, json.loads(answer)


def request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """A request; `accept_language="de"` is the header Accept-Language."""
    lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes
) -> tuple[int, dict[str, str], bytes]:
    """Send a request, read one answer, close."""
    writer.write(data)
    try:
        return await asyncio.wait_for(read_answer(reader), DEADLINE_S)
    finally:
        writer.close()


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    """Status, headers in lower case and body of the next answer."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:]) if k}
    body = await reader.readexactly(int(headers["content-length"]))
    return int(head[0].split()[1]), headers, body


@pytest.fixture
def settings_json(settings_json: dict[str, Any]) -> dict[str, Any]:
    """Settings with a free port, and limits that this machine is below."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        settings_json["ports"]["login"] = other.getsockname()[1]
    settings_json["users"]["dovecot"] = pwd.getpwuid(os.getuid()).pw_name
    settings_json["registration"] |= {
        "maxLoad": 10000,
        "minFreeMemoryMegabytes": 0,
        "minFreeDiskMegabytes": 0,
        "minFreeInodes": 0,
    }
    return settings_json


@pytest.fixture
def of_store(settings_json: dict[str, Any]) -> dict[str, Any]:
    """The settings of a store with one front, both on this machine."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        settings_json["ports"]["accounts"] = other.getsockname()[1]
    front = {"address": "127.0.0.1", "host": "192.0.2.1", "publicKey": "A" * 43 + "="}
    settings_json["cluster"] |= {
        "role": "store",
        "machine": "store1",
        "address": "127.0.0.1",
        "fronts": {"front1": front, "front2": front | {"address": "fd00:0:0:0::0001"}},
        "stores": {"store1": front | {"weight": 1, "state": "open"}},
    }
    return settings_json


@pytest.fixture
def no_refill(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network gets its burst and, for the length of a test on a busy machine, no more."""
    monkeypatch.setattr(creations, "IpLimit", lambda burst, _: IpLimit(burst, 0.001))
    monkeypatch.setattr(guesses, "ACCOUNT_PER_S", 0.001)


@pytest.fixture
def play(settings: Settings) -> Callable[[Scenario], None]:
    """Run a scenario against the running service."""

    async def inside(scenario: Scenario) -> None:
        async with AsyncExitStack() as stack:
            await set_up(settings, stack)
            await scenario(Relay(settings))

    return lambda scenario: asyncio.run(inside(scenario))
