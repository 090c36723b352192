"""Wait until all fronts of a cluster know a change at a store.

A front asks a store about an address, and remembers the answer for two seconds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

from chatmail_testkit.relays.machine import RemoteMachine
from chatmail_testkit.relays.target import CommandFailedError
from chatmail_testkit.waiting import wait_for

_SOCKET: Final = "/run/chatmail/accounts-filter/directory.sock"
# a marker in the mailbox, and what the front calls it
_MARKERS: Final = {
    "DISABLED": "disabled",
    "enforceE2EEincoming": "enforces",
    "nearly-full": "nearly_full",
}
_CHANGES: Final = re.compile(
    r"chatmail address|doveadm force-resync|.*chatmaild quota-clean|(touch|rm) .*/mail/"
)
_LIST: Final = 'ls "/var/lib/chatmail/mail/$1"'


def changes_addresses(command: Sequence[str]) -> bool:
    """Returns whether a command may make or delete an address, or a marker of its mailbox."""
    return _CHANGES.match(" ".join(command)) is not None


def wait_until_known(
    address: str, store: RemoteMachine | None, fronts: Sequence[RemoteMachine]
) -> None:
    """Waits until each front says what the store says; None: the address does not exist."""
    wanted: dict[str, Any] = {"state": "unknown"}
    if store is not None:
        files = store.run("sh", "-c", _LIST, "list", address).split()
        wanted = {"state": "here"} | {name: file in files for file, name in _MARKERS.items()}
    wait_for(
        lambda: all(_says(front, address, wanted) for front in fronts),
        f"the fronts to know of {wanted}",
    )


def _says(front: RemoteMachine, address: str, wanted: dict[str, Any]) -> bool:
    url = f"http://directory/address?address={quote(address)}"
    try:
        answer: dict[str, Any] = json.loads(
            front.run("curl", "-sS", "--fail", "--unix-socket", _SOCKET, url)
        )
    except CommandFailedError:
        return True  # it is down, and asks anew when it starts
    return wanted.items() <= answer.items()
