"""Where the addresses of a selftest are made: on this machine, or on the stores of a front."""

import random
import time
from typing import Final

from chatmaild.accounts import lifecycle
from chatmaild.address import Address
from chatmaild.directory.placement import winner
from chatmaild.errors import ChatmaildError
from chatmaild.operator.cluster import remote
from chatmaild.operator.privileges import acting_as
from chatmaild.settings import Settings
from chatmaild.store.mailboxes import Mailboxes
from chatmaild.store.passwords import hash_password

# a busy store starts a process for it
COMMAND_S: Final = 8.0


class Here:
    """The mailboxes of this machine."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def takes(self, address: Address, number: int) -> bool:  # noqa: ARG002 - of `Stores`, too
        """Whether an address can be made; `number` is that of the person."""
        return True

    def create(self, address: Address, password: str) -> None:
        """Create an address, also while registration is closed."""
        with acting_as(self._settings.users.mail):
            encoded = hash_password(password.encode())
            Mailboxes.of(self._settings).create(address, encoded, now_s=time.time())

    def delete(self, address: Address) -> None:
        """Delete an address; its name is free at once."""
        with acting_as(self._settings.users.mail):
            lifecycle.delete(self._settings, address, keep_name=False)


class Stores:
    """The stores of a relay on several machines, from a front: those that answer.

    Raises:
        ChatmaildError: none of them does.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._weights = settings.cluster.placements[0]
        alive = remote.each(self._weights, lambda name: remote.is_alive(settings, name))
        self._up = [name for name, answers in alive.items() if answers]
        if not self._up:
            raise ChatmaildError("no store answers")
        random.shuffle(self._up)

    def takes(self, address: Address, number: int) -> bool:
        """Whether the place of an address is the store of this person: each has another one."""
        return self._place(address) == self._up[number % len(self._up)]

    def create(self, address: Address, password: str) -> None:
        """Create an address at its place.

        Raises:
            ChatmaildError: the store did not.
        """
        self._run(address, "create", str(address), "--password-stdin", stdin=f"{password}\n")

    def delete(self, address: Address) -> None:
        """Delete an address; its name is free at once."""
        self._run(address, "delete", "--yes", "--free-name", str(address))

    def _place(self, address: Address) -> str:
        return winner(str(address), self._weights) or ""

    def _run(self, address: Address, *arguments: str, stdin: str = "") -> None:
        store = self._place(address)
        done = remote.run(self._settings, store, ["address", *arguments], stdin, within_s=COMMAND_S)
        if done.code != 0:
            raise ChatmaildError(f"{store} did not {arguments[0]} it: {done.err.strip()}")


def places(settings: Settings) -> Here | Stores:
    """Return where this machine makes the addresses of its selftest.

    Raises:
        ChatmaildError: on a front, no store answers.
    """
    return Stores(settings) if settings.cluster.role == "front" else Here(settings)
