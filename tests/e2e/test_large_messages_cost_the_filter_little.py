"""A message of 30 MB costs the filter little memory, and many of them at once are bounded."""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import PersonFactory
from support.person import Person
from support.target import Machine

TEXT_BYTES = 22_500_000  # base64 makes 30 MB of it
MESSAGE_BYTES = 30_000_000
MOST = 1.5  # times the message, for one as for many
AT_ONCE = 6


@pytest.mark.alone
@pytest.mark.timeout(300)
@pytest.mark.parametrize("count", [1, AT_ONCE])
def test_peak(
    count: int,
    carol: Person,
    new_person: PersonFactory,
    relay: str,
    machine: Machine,
    other_machine: Machine,
) -> None:
    """At the relay that signs them, and at the one that verifies them."""
    senders = [new_person(relay) for _ in range(count)]
    written = [(sender, _large(sender, carol)) for sender in senders]
    filters = [_Filter(machine), _Filter(other_machine)]

    with ThreadPoolExecutor(count) as pool:
        replies = list(pool.map(lambda each: each[0].submits(each[1], carol).code, written))
        carol.leaves()
        received = [len(carol.receives(within_s=120).raw) for _ in senders]

    assert replies == [250] * count
    assert min(received) > MESSAGE_BYTES
    grown = [each.grown_bytes() for each in filters]
    print(f"{count} messages of {MESSAGE_BYTES / 1e6:.0f} MB: grown by", _megabytes(grown))
    assert max(grown) < MOST * MESSAGE_BYTES


class _Filter:
    """The filter's process: how far its memory grew above what it had (proc_pid_status(5))."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        shown = machine.run("systemctl", "show", "--property=MainPID", "chatmail-filter")
        self._pid = int(shown.partition("=")[2])
        machine.run("sh", "-c", f"echo 5 > /proc/{self._pid}/clear_refs")  # forget the peak
        self._before = self._status("VmRSS")

    def grown_bytes(self) -> int:
        """Peak since the beginning, less what there was."""
        return self._status("VmHWM") - self._before

    def _status(self, name: str) -> int:
        status = self._machine.run("cat", f"/proc/{self._pid}/status")
        found = re.search(rf"^{name}:\s+(\d+) kB$", status, re.MULTILINE)
        assert found is not None
        return int(found[1]) * 1024


def _large(sender: Person, recipient: Person) -> bytes:
    message = sender.writes(recipient, text="x" * TEXT_BYTES)
    assert len(message) > MESSAGE_BYTES
    return message


def _megabytes(sizes: Sequence[int]) -> str:
    return ", ".join(f"{size / 1e6:.1f} MB" for size in sizes)
