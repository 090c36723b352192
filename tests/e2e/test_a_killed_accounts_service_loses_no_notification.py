"""Notifications wait on disk: a service that dies sends them when it is back."""

from __future__ import annotations

import pytest
from support.notifier import new_device, serving
from support.person import Person
from support.target import Machine
from support.waiting import wait_for

WORKERS = 4  # so many are on their way at once
PENDING = "/var/lib/chatmail/accounts/pending_notifications"
DEVICES = WORKERS + 2


@pytest.mark.alone
def test_kill(alice: Person, bob: Person, machine: Machine) -> None:
    """Some are on their way, some wait: each arrives, none more than twice."""
    tokens = [new_device(bob) for _ in range(DEVICES)]
    with serving() as notifier:
        notifier.plan = {token: ["hang"] for token in tokens}
        alice.sends(bob)
        wait_for(lambda: len(notifier.calls) == WORKERS, "calls on their way", within_s=10)

        machine.run("systemctl", "kill", "--signal=KILL", "chatmail-accounts")
        notifier.release()

        wait_for(lambda: not machine.run("ls", PENDING), "an empty queue", within_s=30)
        times = [len(notifier.times_s(token)) for token in tokens]
        assert (min(times), max(times)) == (1, 2)
        assert sum(times) == DEVICES + WORKERS
