"""Move addresses between the stores of a cluster: where they belong, and what they have."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from chatmail_testkit.relays.cluster.machine import MAIL, ClusterMachine
from chatmail_testkit.relays.machine import RemoteMachine

Weights = Mapping[str, int]
UNIT: Final = "chatmail-rebalance"
_SETTINGS: Final = "/etc/chatmail/settings.json"
_PLACE: Final = f"""
import json, sys
path = "{_SETTINGS}"
with open(path) as file:
    settings = json.load(file)
settings["cluster"]["placements"] = json.load(sys.stdin)
with open(path, "w") as file:
    json.dump(settings, file)
"""
_WINNERS: Final = """
import json, sys
from chatmaild.directory.placement import winner
names, weights = json.load(sys.stdin)
json.dump([winner(name, weights) for name in names], sys.stdout)
"""
# copies of an account, with its messages and their times
_COPY: Final = """
import os, pathlib, shutil, sys
mail = pathlib.Path("/var/lib/chatmail/mail")
owner = mail.stat()
os.setgid(owner.st_gid)
os.setuid(owner.st_uid)
model = mail / sys.argv[1]
for name in sys.stdin.read().split():
    shutil.copytree(model, mail / name, copy_function=shutil.copy2)
    (mail / name).chmod(0o710)
"""
# Message-IDs by address, in the order of arrival
_CONTENT: Final = """
import json, pathlib, re, sys
mail = pathlib.Path("/var/lib/chatmail/mail")
found = {}
for home in mail.iterdir():
    if (home / "password").exists() and "@" in home.name:
        texts = [file.read_bytes() for file in (home / "mailboxes").rglob("u.*")]
        found[home.name] = [
            line.decode()
            for text in texts
            for line in re.findall(rb"(?im)^message-id:[ \\t\\r\\n]*(<[^>]*>)", text)[:1]
        ]
json.dump(found, sys.stdout)
"""


@dataclass(frozen=True, slots=True)
class Rebalancing:
    """The moves of a cluster's addresses."""

    cluster: ClusterMachine

    def store_named(self, name: str) -> RemoteMachine:
        """Returns a store by its name in the settings."""
        return next(store for store in self.cluster.stores if name_of(store) == name)

    def placements(self) -> Sequence[Weights]:
        """Returns the weights, the newest first."""
        settings = json.loads(self.cluster.fronts[0].run("cat", _SETTINGS))
        found: Sequence[Weights] = settings["cluster"]["placements"]
        return found

    def place(self, *placements: Weights) -> None:
        """Changes the weights on all machines, as another configuration does."""
        content = json.dumps(placements).encode()
        for machine in self.cluster.members:
            machine.run("python3", "-c", _PLACE, stdin=content)
            is_front = machine in self.cluster.fronts
            units = ["chatmail-directory"] if is_front else ["chatmail-accounts", UNIT]
            machine.run("systemctl", "restart", *units)

    def places_of(self, addresses: Sequence[str], weights: Weights) -> list[str]:
        """Returns the stores where addresses belong."""
        content = json.dumps([addresses, weights]).encode()
        found: list[str] = json.loads(self._python(self.cluster.stores[0], _WINNERS, content))
        return found

    def copy(self, store: RemoteMachine, model: str, addresses: Sequence[str]) -> None:
        """Makes addresses with the messages of another one of a store."""
        store.run("python3", "-c", _COPY, model, stdin="\n".join(addresses).encode(), timeout_s=900)

    def start(self) -> None:
        """Starts the moves, on a front."""
        self.cluster.fronts[0].run("chatmail", "rebalance", "--no-wait")

    def status(self) -> Mapping[str, Mapping[str, Any]]:
        """Returns the state of each store's moves, from a front."""
        command = "chatmail rebalance --status --json || true"
        found: dict[str, Any] = json.loads(self.cluster.fronts[0].run("sh", "-c", command))
        return found

    def is_over(self) -> bool:
        """Whether all stores have moved everything."""
        return not any(one["running"] for one in self.status().values())

    def number_at(self, store: RemoteMachine) -> int:
        """Returns how many addresses a store has."""
        return int(store.run("sh", "-c", f"ls {MAIL} | wc -l"))

    def kill(self) -> None:
        """Kills the service of the moves on all stores; systemd starts it again."""
        for store in self.cluster.stores:
            store.run("systemctl", "kill", "--signal=KILL", UNIT)

    def content(self) -> Mapping[str, Mapping[str, Sequence[str]]]:
        """Returns the Message-IDs of all messages, by store and address."""
        return {
            name_of(store): json.loads(self._python(store, _CONTENT, b""))
            for store in self.cluster.stores
        }

    def _python(self, store: RemoteMachine, program: str, stdin: bytes) -> str:
        return store.run("python3", "-c", program, stdin=stdin, timeout_s=900)


def name_of(machine: RemoteMachine) -> str:
    """Returns the name of a machine in the settings of its cluster."""
    return machine.host.partition(".")[0]
