"""A message of 30 MB costs the filter little memory and CPU time; parallel ones are bounded."""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Machine
from conftest import PersonFactory

TEXT_BYTES = 22_500_000  # 30 MB in base64
MESSAGE_BYTES = 30_000_000
MOST = 1.5  # times the size of one message, for one and for many
AT_ONCE = 6
MOST_CPU = 0.5  # of the CPU time that Postfix needs to read the message
MESSAGES = 3


@pytest.mark.disturbs
@pytest.mark.parametrize("count", [1, AT_ONCE])
def test_memory_is_bounded(
    count: int,
    carol: Person,
    new_person: PersonFactory,
    relay: str,
    machine: Machine,
    other_machine: Machine,
) -> None:
    """At the signing relay and at the verifying relay."""
    senders = [new_person(relay) for _ in range(count)]
    written = [(sender, _large(sender, carol)) for sender in senders]
    filters = [_Filter(front) for front in (*machine.fronts, *other_machine.fronts)]

    with ThreadPoolExecutor(count) as pool:
        replies = list(pool.map(lambda each: each[0].submits(each[1], carol).code, written))
        carol.leaves()
        received = [len(carol.receives(within_s=120).raw) for _ in senders]

    assert replies == [250] * count
    assert min(received) > MESSAGE_BYTES
    grown = [each.grown_bytes() for each in filters]
    print(f"{count} messages of {MESSAGE_BYTES / 1e6:.0f} MB: grown by", _megabytes(grown))
    assert max(grown) < MOST * MESSAGE_BYTES


@pytest.mark.measures
def test_cpu_time_is_bounded(
    alice: Person, carol: Person, machine: Machine, other_machine: Machine
) -> None:
    """Rules and DKIM cost a fraction of the CPU time that Postfix needs for the message.

    pkgs/chatmaild/bench/filter.py has the cost of a milter that reads nothing.
    """
    message = _large(alice, carol)
    relays = {"signs": machine, "verifies": other_machine}
    before = {name: _cpu_ms(relay) for name, relay in relays.items()}
    for number in range(MESSAGES):
        # two of the same at a moment would be one: a peer that repeats a message
        own = message.replace(b"Message-ID: <", b"Message-ID: <%d." % number, 1)
        assert own != message
        assert alice.submits(own, carol).code == 250
    for _ in range(MESSAGES):
        carol.receives(within_s=120)

    for name, relay in relays.items():
        spent = [now - then for now, then in zip(_cpu_ms(relay), before[name], strict=True)]
        postfix_ms, filter_ms = (each / MESSAGES for each in spent)
        print(f"{name}: Postfix {postfix_ms:.0f} ms, filter {filter_ms:.0f} ms")
        assert filter_ms < MOST_CPU * postfix_ms


def _cpu_ms(machine: Machine) -> list[float]:
    """Return the CPU time of Postfix and of the filter so far."""
    show = ("systemctl", "show", "--property=CPUUsageNSec", "postfix", "chatmail-filter")
    shown = [front.run(*show).split() for front in machine.fronts]
    return [
        sum(int(line.partition("=")[2]) / 1e6 for line in of) for of in zip(*shown, strict=True)
    ]


class _Filter:
    """Measures how far the memory of the filter's process grows (proc_pid_status(5))."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        shown = machine.run("systemctl", "show", "--property=MainPID", "chatmail-filter")
        self._pid = int(shown.partition("=")[2])
        machine.run("sh", "-c", f"echo 5 > /proc/{self._pid}/clear_refs")  # reset the peak
        self._before = self._status("VmRSS")

    def grown_bytes(self) -> int:
        """Return the peak since the start minus the memory at the start."""
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
