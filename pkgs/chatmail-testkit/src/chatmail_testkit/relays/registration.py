"""Other settings of registration for a while: the accounts service reads them at its start."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping

from chatmail_testkit.relays.target import Machine

SETTINGS = "/etc/chatmail/settings.json"


@contextlib.contextmanager
def registration(machine: Machine, changed: Mapping[str, object]) -> Iterator[None]:
    """Runs the body with other values in the section `registration` of settings.json."""
    before = {store: store.run("cat", SETTINGS) for store in machine.stores}
    try:
        for store, text in before.items():
            settings = json.loads(text)
            settings["registration"] |= changed
            _restart_with(store, json.dumps(settings))
        yield
    finally:
        for store, text in before.items():
            _restart_with(store, text)


def _restart_with(machine: Machine, settings: str) -> None:
    machine.run("tee", SETTINGS, stdin=settings.encode())
    machine.run("systemctl", "restart", "chatmail-accounts")
