"""A machine loses all that it has."""

from __future__ import annotations

import json
from typing import Final

from chatmail_testkit.relays.services import has_unit
from chatmail_testkit.relays.target import Machine

STATE: Final = "/var/lib/chatmail"
_QUEUE: Final = "/var/lib/postfix/queue"
_ONCE: Final = ("chatmail-turn-secret", "chatmail-certificate")


def lose(machine: Machine) -> None:
    """Makes it an empty machine with the same configuration, as its first boot leaves it."""
    units = json.loads(machine.run("cat", "/etc/chatmail/settings.json"))["units"]
    once = [unit for unit in _ONCE if has_unit(machine, unit)]
    machine.run("systemctl", "stop", *units, *once)
    queues = " ".join(f"{_QUEUE}/{name}" for name in ("active", "defer", "deferred", "incoming"))
    machine.run("sh", "-c", f"rm -rf {STATE}/* {queues}")
    machine.run("systemd-tmpfiles", "--create")
    machine.run("systemctl", "start", *once, *units)
