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
    before = machine.run("cat", SETTINGS)
    settings = json.loads(before)
    settings["registration"] |= changed
    try:
        _restart_with(machine, json.dumps(settings))
        yield
    finally:
        _restart_with(machine, before)


def _restart_with(machine: Machine, settings: str) -> None:
    machine.run("tee", SETTINGS, stdin=settings.encode())
    machine.run("systemctl", "restart", "chatmail-accounts")
