"""A mailbox of a relay in a lab: messages delivered by LMTP, and a client that reads them.

CPU time is that of Dovecot's control group.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import labs
from chatmail_testkit.people.names import new_password

HERE: Final = Path(__file__).parent
SAMPLE: Final = 100  # messages whose delivery is measured
_DEADLINE_S: Final = 600
_COMPLAINTS: Final = "journalctl -u dovecot | grep -ci cache || true"


@dataclass(slots=True)
class Mailbox:
    """An address, which its first login creates; `messages` were delivered to it."""

    lab: str
    relay: str
    user: str = "bench1234"
    password: str = field(default_factory=new_password)
    messages: int = 0

    @property
    def address(self) -> str:
        """The full address."""
        return f"{self.user}@{self.relay}"

    def fill(self, size: int) -> None:
        """Deliver messages until there are that many."""
        if size > self.messages:
            self._deliver(size - self.messages)

    def deliver(self, number: int) -> Mapping[str, float]:
        """Deliver messages; return `cpu_ms` and `ms` of one.

        A client lists the mailbox before, as a phone does that is online.
        """
        self.client("list")
        return self._deliver(number)

    def client(self, action: str) -> tuple[float, float]:
        """Let a client do it (client.py); return its time and the CPU time of Dovecot in ms.

        Raises:
            LabFailedError: the client failed.
        """
        before_us = self._there("used")["us"]
        client = str(HERE / "client.py")
        command = labs.python(self.lab, client, action, self.address, self.password)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise labs.LabFailedError(f"{action}: {done.stderr}")
        took_ms: float = json.loads(done.stdout)["ms"]
        return took_ms, (self._there("used")["us"] - before_us) / 1000

    def disk(self) -> Mapping[str, float]:
        """Return what one message takes on disk."""
        found = self._there("disk", self.address)
        return {f"{name} per message": number / self.messages for name, number in found.items()}

    def complaints(self) -> float:
        """Return how many lines Dovecot has logged about its cache files."""
        return float(labs.output(self.lab, self.relay, "sh", "-c", _COMPLAINTS))

    def _deliver(self, number: int) -> Mapping[str, float]:
        self.messages += number
        return self._there("deliver", self.address, str(number))

    def _there(self, *arguments: str) -> dict[str, float]:
        script = (HERE / "on_relay.py").read_text()
        command = ("python3", "-", *arguments)
        printed = labs.output(self.lab, self.relay, *command, stdin=script, timeout_s=_DEADLINE_S)
        result: dict[str, float] = json.loads(printed)
        return result
