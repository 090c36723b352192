"""Stores of one relay, each with directories of its own and the real service as a process."""

import contextlib
import copy
import json
import os
import pathlib
import socket
import subprocess
from collections.abc import Mapping
from typing import Any

from chatmaild.address import Address, parse_address
from chatmaild.directory.placement import winner
from chatmaild.rebalance import progress
from chatmaild.rebalance.peer import Peer
from chatmaild.settings import Settings
from chatmaild.store.mailboxes import Mailboxes

from .. import children
from ..waiting import until

# 19 Nov 2023, 09:33:20 UTC, and a part of a second
TIME_NS = 1_700_386_400_123_456_789
LOGIN_S = 1_700_000_000.0
INBOX = "mailboxes/INBOX/dbox-Mails"
# Loopback addresses of this process alone, for other tests run at the same time. The port is below
# those that the kernel gives to clients, which also have these addresses.
NETWORK = f"127.{64 + (os.getpid() >> 8) % 64}.{os.getpid() % 256}"
PORT = 18704


def machine_json(data: Mapping[str, Any], root: pathlib.Path, name: str) -> dict[str, Any]:
    """Settings of one machine, with directories of its own."""
    own = copy.deepcopy(dict(data))
    for key in own["directories"]:
        place = root / name / key
        place.mkdir(parents=True)
        own["directories"][key] = str(place)
    sockets = root / name / "sockets"
    sockets.mkdir()
    for key in ("deliveries", "endSessions"):
        own["sockets"][key] = str(sockets / key)
    return own


class Store:
    """One store."""

    def __init__(self, name: str, data: dict[str, Any], root: pathlib.Path) -> None:
        self.name = name
        self.settings = Settings.from_json(data)
        self.file = root / f"{name}.json"
        self.file.write_text(json.dumps(data))
        self.mailboxes = Mailboxes.of(self.settings)
        self.process: subprocess.Popen[bytes] | None = None
        self._peers: list[Peer] = []

    @property
    def mail(self) -> pathlib.Path:
        """Its mail directory."""
        return self.mailboxes.directory

    @property
    def peer(self) -> Peer:
        """A connection of another store to it."""
        found = self.settings.cluster.stores
        other = next(store.address for name, store in found.items() if name != self.name)
        peer = Peer(self.name, found[self.name].address, self.settings.ports.moves, other)
        self._peers.append(peer)
        return peer

    def start(self) -> None:
        """Start its service, and wait until it listens."""
        command = children.chatmaild(self.file, "rebalance")
        self.process = subprocess.Popen(command, env=children.environment())
        until(self._listens, f"{self.name} listens")

    def close(self) -> None:
        """End its service, and the connections to it."""
        self.kill()
        for peer in self._peers:
            peer.close()

    def kill(self) -> None:
        """Kill its service, as a crash does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def _listens(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, "it has ended"
        peer = self.settings.cluster.stores[self.name].address, self.settings.ports.moves
        with contextlib.suppress(OSError), socket.create_connection(peer):
            return True
        return False

    def want(self) -> None:
        """Ask for the moves."""
        progress.want(self.settings)

    def is_over(self) -> bool:
        """Whether all have moved."""
        return not progress.is_wanted(self.settings)

    def add(self, address: Address, *, messages: int = 3) -> pathlib.Path:
        """Create an account with messages; return its directory."""
        assert self.mailboxes.create(address, f"hash of {address}", now_s=LOGIN_S)
        home = self.mailboxes.path(address)
        (home / INBOX).mkdir(parents=True)
        for uid in range(1, messages + 1):
            put(home, uid)
        return home

    def texts(self, address: Address) -> list[str]:
        """The messages of an account, in their order."""
        place = self.mailboxes.path(address) / INBOX
        return [path.read_text() for path in sorted(place.glob("u.*"))]


def put(home: pathlib.Path, uid: int, text: str = "") -> pathlib.Path:
    """Deliver a message as Dovecot does: the file, then the log."""
    file = home / INBOX / f"u.{uid}"
    file.write_text(text or f"message {uid} of {home.name}\n" * 20)
    os.utime(file, ns=(TIME_NS + uid, TIME_NS + uid))
    with (home / INBOX / "dovecot.index.log").open("a") as log:
        log.write(f"{uid}\n")
    return file


class Cluster:
    """Several stores, which know each other.

    Args:
        data: the settings of a relay on one machine.
        weights: of each store; one without a weight is drained.
    """

    def __init__(
        self, data: Mapping[str, Any], root: pathlib.Path, weights: Mapping[str, int]
    ) -> None:
        self.weights = {name: weight for name, weight in weights.items() if weight}
        stores = {
            name: {
                "host": "192.0.2.1",
                "address": f"{NETWORK}.{number}",
                "publicKey": "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=",
                "weight": weight or 1,
                "state": "open" if weight else "draining",
            }
            for number, (name, weight) in enumerate(weights.items(), 1)
        }
        self.stores: dict[str, Store] = {}
        for name, store in stores.items():
            own = machine_json(data, root, name)
            own["ports"]["moves"] = PORT
            own["cluster"] |= {
                "role": "store",
                "machine": name,
                "address": store["address"],
                "stores": stores,
                "placements": [self.weights],
            }
            self.stores[name] = Store(name, own, root)

    def __getitem__(self, name: str) -> Store:
        return self.stores[name]

    def address(self, number: int) -> Address:
        """An address."""
        return parse_address(f"user{number:05}@chat.example.org")

    def place_of(self, address: Address) -> str:
        """The store where it belongs."""
        return winner(str(address), self.weights) or ""

    def of(self, store: str) -> Address:
        """An address that belongs to a store."""
        numbers = (self.address(number) for number in range(1000))
        return next(one for one in numbers if self.place_of(one) == store)

    def where(self, address: Address) -> list[str]:
        """The stores that have an address."""
        return [name for name, store in self.stores.items() if store.mailboxes.exists(address)]

    def close(self) -> None:
        """End all services."""
        for store in self.stores.values():
            store.close()
