"""A message that arrives while an IMAP session hibernates is notified at once."""

from __future__ import annotations

import time

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.reach.lmtp import deliver
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.waiting import wait_for

pytestmark = pytest.mark.disturbs

HIBERNATION_S = 1.0  # imap_hibernate_timeout
# Dovecot treats a pause above 0.1 s as a clock change and moves its timers
LATE_S = [0.01, 0.02, 0.04, 0.06, 0.08]
PRECISION_S = 0.01
ATTEMPTS = 20  # the machine is busy with other tests

MESSAGE = b"Subject: now\r\n\r\nnow\r\n"
STOP = ["pkill", "--signal=STOP", "--exact", "imap"]
# continues what is stopped at a time (seconds since 1970)
CONTINUE = """
import subprocess, sys, time

end_s = float(sys.argv[1])
time.sleep(max(0, end_s - time.time()))
print(time.time() - end_s)
subprocess.run(["pkill", "--signal=CONT", "--exact", "imap"], check=True)
"""


@pytest.mark.parametrize("late_s", LATE_S)
def test_mail_at_the_moment_of_hibernation(late_s: float, bob: Person, machine: Machine) -> None:
    """The process wakes up for new mail and for its hibernation timer together."""
    store = machine.store_of(bob.address)
    for _ in range(ATTEMPTS):
        bob.imap.idle()
        end_s = time.time() + HIBERNATION_S + late_s
        store.run(*STOP)
        try:
            deliver(machine, "", bob.address, MESSAGE, store)
        finally:
            overdue_s = float(store.run("python3", "-c", CONTINUE, str(end_s)))
        wait_for(lambda: _is_notified(bob), "a notice")
        bob.imap.idle_done()
        if overdue_s < PRECISION_S:
            return
    pytest.fail("the machine had no time at the right moment")


def _is_notified(person: Person) -> bool:
    return any(b"EXISTS" in response for response in person.imap.notices(within_s=1))
