"""A front and its stores as real services, in one process: their sockets and files are real."""

import asyncio
import json
import os
import pathlib
import pwd
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from chatmaild.accounts import service as accounts_service
from chatmaild.address import Address
from chatmaild.directory import service as directory_service
from chatmaild.settings import Settings
from chatmaild.store.mailboxes import Mailboxes
from chatmaild.wire.socketmap import netstring, read_netstring

from ...accounts.conftest import Relay, exchange, request
from ...conftest import SETTINGS_FILE
from .standins import addresses, free_ports

SetUp = Callable[[Settings, AsyncExitStack], Awaitable[None]]
# what a store sees of a front here
FRONT = "127.0.0.1"
KEY = "A" * 43 + "="


@dataclass
class Machine:
    """One service, which can be stopped and started."""

    settings: Settings
    set_up: SetUp
    _stack: AsyncExitStack | None = None

    async def start(self) -> None:
        """Start the service."""
        self._stack = AsyncExitStack()
        await self.set_up(self.settings, self._stack)

    async def stop(self) -> None:
        """Stop the service, as SIGTERM does."""
        if self._stack:
            await self._stack.aclose()
            self._stack = None

    @property
    def mailboxes(self) -> Mailboxes:
        """The mailboxes of a store."""
        return Mailboxes.of(self.settings)


class Cluster(Relay):
    """A front as its clients see it, and its stores."""

    def __init__(self, directory: Machine, stores: dict[str, Machine]) -> None:
        super().__init__(directory.settings)
        self.directory = directory
        self.stores = stores

    def homes(self, address: Address) -> list[str]:
        """Return the names of the stores that have an account."""
        return [name for name, m in self.stores.items() if m.mailboxes.exists(address)]

    async def map(self, question: str, path: str | None = None) -> str:
        """Ask a socketmap as Postfix does."""
        path = path or self.settings.sockets.transports
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(netstring(question.encode()))
        answer = await read_netstring(reader)
        writer.close()
        return (answer or b"").decode()

    async def state(self, target: str) -> tuple[int, Any]:
        """Ask as the filter does."""
        streams = await asyncio.open_unix_connection(self.settings.sockets.directory)
        status, _, body = await exchange(*streams, request("GET", target))
        return status, json.loads(body)


def make(parent: pathlib.Path, sockets: pathlib.Path, count: int) -> Cluster:
    """Return a front and stores that are not started yet."""
    found = documents(parent, sockets, count)
    front = Settings.from_json(found.pop("front1"))
    stores = {
        name: Machine(Settings.from_json(document), accounts_service.set_up)
        for name, document in found.items()
    }
    return Cluster(Machine(front, directory_service.set_up), stores)


def documents(parent: pathlib.Path, sockets: pathlib.Path, count: int) -> dict[str, dict[str, Any]]:
    """Return the settings of a front and of stores as decoded JSON, by name."""
    places, port = addresses(count)
    login_ports = free_ports("127.0.0.1")
    cluster: dict[str, Any] = {
        "address": None,
        "fronts": {"front1": {"address": FRONT, "host": "f.test", "publicKey": KEY}},
        "interface": "chatmail",
        "placements": [{f"store{n}": 1 for n in range(1, count + 1)}],
        "port": 51820,
        "stores": {
            f"store{n}": {
                "address": place, "host": f"s{n}.test", "publicKey": KEY, "weight": 1,
                "state": "open",
            }
            for n, place in enumerate(places, start=1)
        },
    }  # fmt: skip
    roles = {"front1": {"role": "front"}} | {
        name: {"role": "store", "address": found["address"]}
        for name, found in cluster["stores"].items()
    }
    return {
        name: _document(
            parent, sockets, cluster | role | {"machine": name}, port, next(login_ports)
        )
        for name, role in roles.items()
    }


def _document(
    parent: pathlib.Path, sockets: pathlib.Path, cluster: dict[str, Any], port: int, login_port: int
) -> dict[str, Any]:
    """The settings of a machine with directories, sockets and a port for logins of its own."""
    data: dict[str, Any] = json.loads(SETTINGS_FILE.read_text())
    name = cluster["machine"]
    for kind in data["directories"]:
        directory = parent / name / kind
        directory.mkdir(parents=True)
        data["directories"][kind] = str(directory)
    (sockets / name).mkdir()
    for kind in data["sockets"]:
        data["sockets"][kind] = str(sockets / name / kind)
    data["ports"] |= {"accounts": port, "login": login_port}
    data["users"] |= dict.fromkeys(("dovecot", "mail"), pwd.getpwuid(os.getuid()).pw_name)
    data["registration"] |= {
        "maxLoad": 10000,
        "minFreeMemoryMegabytes": 0,
        "minFreeDiskMegabytes": 0,
        "minFreeInodes": 0,
        "stopFile": str(parent / name / "nocreate"),
    }
    data["cluster"] = cluster
    return data
