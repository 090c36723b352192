"""A relay of several machines as the one machine that scenarios know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from chatmail_testkit.relays.cluster.answers import EMPTY_QUEUE, joined
from chatmail_testkit.relays.cluster.known import changes_addresses, wait_until_known
from chatmail_testkit.relays.cluster.places import (
    Place,
    addresses_in,
    is_reading,
    place_of,
    units_in,
    without_addresses,
)
from chatmail_testkit.relays.machine import RemoteMachine
from chatmail_testkit.relays.prometheus import INSTANCE
from chatmail_testkit.relays.target import CommandFailedError
from chatmail_testkit.waiting import COMMAND_S, wait_for

# machines, each with the command line that it runs
Calls = list[tuple[RemoteMachine, Sequence[str]]]
MAIL: Final = "/var/lib/chatmail/mail"
ACCOUNTS: Final = "chatmail-accounts"
_METRICS: Final = f"http://{INSTANCE}/metrics"
# prints those of its arguments that have a mailbox
_HOMES: Final = f'cd {MAIL} && for a; do if [ -d "$a" ]; then echo "$a"; fi; done'
# prints those of its arguments that are units
_LOADED: Final = (
    "for u; do if [ $(systemctl show --property=LoadState --value -- $u) = loaded ];"
    " then echo $u; fi; done"
)
# they know a message only where it is
_OF_A_MESSAGE: Final = {"postcat", "postsuper"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterMachine(RemoteMachine):
    """All machines of a domain.

    A command runs on those that it concerns, and their answers are one: see `places` and `answers`.
    """

    host: str
    front_machines: Sequence[RemoteMachine]
    store_machines: Sequence[RemoteMachine]
    # the machine whose numbers of processes a scenario has
    _asked: list[RemoteMachine] = field(default_factory=list)

    @property
    def fronts(self) -> Sequence[RemoteMachine]:
        """Those that clients and other servers connect to."""
        return self.front_machines

    @property
    def stores(self) -> Sequence[RemoteMachine]:
        """Those that have mailboxes."""
        return self.store_machines

    def argv(self, command: tuple[str, ...]) -> list[str]:
        """Returns the local command line that runs a command on the first front."""
        return self.fronts[0].argv(command)

    def run(self, *command: str, stdin: bytes = b"", timeout_s: float = COMMAND_S) -> str:
        """Returns the standard output of a command, from all machines that it concerns."""
        answers, errors = [], []
        for machine, line in self._where(command):
            try:
                answers.append(machine.run(*line, stdin=stdin, timeout_s=timeout_s))
            except CommandFailedError as error:
                errors.append(error)
        if errors and not (answers and _OF_A_MESSAGE & {*" ".join(command).split()}):
            raise errors[0]
        if changes_addresses(command):
            for address in addresses_in(command, self.host):
                wait_until_known(address, self._stores_of([address]).get(address), self.fronts)
        return joined(answers)

    def start(self, unit: str) -> None:
        """Starts a service; a store is in use again when all fronts see it, a second later."""
        RemoteMachine.start(self, unit)  # super() knows no class with slots
        if unit == ACCOUNTS:
            wait_for(lambda: all(map(_sees_stores, self.fronts)), "fronts see all stores")

    def store_of(self, address: str, /) -> RemoteMachine:
        """Returns the machine that has the mailbox of an address; the first store without one."""
        return self._stores_of([address]).get(address, self.stores[0])

    def _where(self, command: Sequence[str]) -> Calls:
        """Returns the machines, each with its command line."""
        if self._asked and any(word.startswith("/proc/") for word in command):
            return [(self._asked[0], command)]
        match place_of(command):
            case Place.QUEUE:
                filled = [one for one in self.fronts if EMPTY_QUEUE not in one.queue()]
                return [(machine, command) for machine in filled or self.fronts[:1]]
            case Place.FRONTS:
                return [(machine, command) for machine in self.fronts]
            case Place.ALL:
                return [(machine, command) for machine in self.members]
            case Place.STORES:
                return self._at_mailboxes(command)
            case Place.UNITS:
                return self._at_units(command)
            case Place.FIRST_FRONT:
                return [(self.fronts[0], command)]

    def _at_mailboxes(self, command: Sequence[str]) -> Calls:
        asked = addresses_in(command, self.host)
        owners = self._stores_of(asked)
        if not asked:
            return [(store, command) for store in self.stores]
        places: Calls = []
        for store in self.stores:
            if store in owners.values():
                foreign = [one for one in asked if owners.get(one, store) != store]
                places.append((store, without_addresses(command, foreign)))
        return places or [(self.stores[0], command)]

    def _stores_of(self, addresses: Sequence[str]) -> Mapping[str, RemoteMachine]:
        if not addresses:
            return {}
        return {
            address: store
            for store in self.stores
            for address in store.run("sh", "-c", _HOMES, "homes", *addresses).split()
        }

    def _at_units(self, command: Sequence[str]) -> Calls:
        asked = units_in(command)
        if not asked:
            return [(machine, command) for machine in self.members]
        places: Calls = []
        for machine in self.members:
            loaded = machine.run("sh", "-c", _LOADED, "loaded", *asked).split()
            others = {*asked} - {*loaded}
            if loaded:
                is_call = command[0] == "systemctl"
                line = [word for word in command if word not in others] if is_call else command
                places.append((machine, line))
        if is_reading(command) and places:
            self._asked[:] = [places[0][0]]
            return places[:1]
        return places or [(self.fronts[0], command)]


def _sees_stores(front: RemoteMachine) -> bool:
    try:
        page = front.run("curl", "-sS", "--fail", _METRICS)
    except CommandFailedError:
        return False
    seen = [line for line in page.splitlines() if line.startswith("chatmail_store_up{")]
    return bool(seen) and not any(line.endswith(" 0") for line in seen)
