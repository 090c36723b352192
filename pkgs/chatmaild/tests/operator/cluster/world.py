"""A front and two stores as real services, each a process; commands run as on their machines."""

import contextlib
import json
import pathlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, Final

from chatmaild.address import parse_address
from chatmaild.metrics.dump import read_now
from chatmaild.settings import Settings
from chatmaild.store.mailboxes import Mailboxes

from ...children import MAIN, environment, output
from ...directory.support.cluster import documents
from ...waiting import DEADLINE_S, until

COMMAND: Final = "from chatmaild.operator.cli import main; main()"
SERVICES: Final = {"front": "directory", "store": "accounts"}


class Machine:
    """One machine: its settings, and the service that has them.

    Attributes:
        file: its settings.json.
    """

    def __init__(self, file: pathlib.Path, document: dict[str, Any]) -> None:
        file.write_text(json.dumps(document))
        self.file = file
        self.settings = Settings.from_json(document)
        self._service: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the service, and wait until it listens."""
        service = SERVICES[self.settings.cluster.role]
        command = [sys.executable, "-c", MAIN, service]
        self._service = subprocess.Popen(command, env=self._environment())
        until(pathlib.Path(self.settings.sockets.accounts_metrics).exists, f"{service} listens")

    def stop(self) -> None:
        """Stop the service."""
        if self._service is not None:
            self._service.send_signal(signal.SIGTERM)
            output(self._service)
            self._service = None
            pathlib.Path(self.settings.sockets.accounts_metrics).unlink(missing_ok=True)

    def chatmail(self, *arguments: str, stdin: str = "") -> tuple[int, str, str]:
        """Run `chatmail ARGUMENTS`; return the exit code and both outputs."""
        done = subprocess.run(
            [sys.executable, "-c", COMMAND, *arguments],
            env=self._environment(),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    @property
    def mailboxes(self) -> Mailboxes:
        """The mailboxes of a store."""
        return Mailboxes.of(self.settings)

    def _environment(self) -> dict[str, str]:
        return environment(CHATMAIL_SETTINGS=str(self.file))


class World:
    """The machines of a relay."""

    def __init__(self, machines: dict[str, Machine]) -> None:
        self.front = machines["front1"]
        self.stores = {name: machine for name, machine in machines.items() if "store" in name}

    def homes(self, address: str) -> list[str]:
        """Return the names of the stores that have an account."""
        return [
            name
            for name, store in self.stores.items()
            if store.mailboxes.exists(parse_address(address))
        ]

    def sees(self, store: str, *, is_up: bool) -> None:
        """Wait until the front knows whether a store answers."""
        line = f'chatmail_store_up{{store="{store}"}} {is_up:d}'
        metrics = self.front.settings.sockets.accounts_metrics
        until(lambda: line in read_now(metrics).text.splitlines(), line)


@contextlib.contextmanager
def running(parent: pathlib.Path, sockets: pathlib.Path) -> Iterator[World]:
    """Start a front and two stores; stop them at the end."""
    machines = {
        name: Machine(parent / f"{name}.json", document)
        for name, document in documents(parent, sockets, 2).items()
    }
    try:
        for machine in reversed(machines.values()):
            machine.start()
        world = World(machines)
        for store in world.stores:
            world.sees(store, is_up=True)
        yield world
    finally:
        for machine in machines.values():
            machine.stop()
