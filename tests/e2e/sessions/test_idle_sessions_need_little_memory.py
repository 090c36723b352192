"""Idle IMAP sessions need little memory and delay no restart: a small machine holds thousands."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.waiting import wait_for
from conftest import PersonFactory

SESSIONS = 400
AT_ONCE = 20
# stock Dovecot needs over 130; this includes the processes that the first session starts
MOST_KIB = 96
# Stock Dovecot needs 6 s more until its master gives up, and 0.01 s in the kernel for each session.
MOST_FOR_SESSIONS_S = 5
# memory (PSS) of Dovecot's processes in KiB: proc_pid_smaps(5)
MEMORY = """
for process in /proc/[0-9]*; do
  case $(readlink $process/exe) in *dovecot*) cat $process/smaps_rollup 2>/dev/null;; esac
done | awk '/^Pss:/ { total += $2 } END { print total }'
"""


# a restart is compared with another one
@pytest.mark.measures
def test_memory_per_session_and_a_restart(
    relay: str, new_person: PersonFactory, machine: Machine
) -> None:
    """All of Dovecot's processes, divided by the hibernating sessions; then all of them end."""
    people = [new_person(relay) for _ in range(SESSIONS)]
    without_sessions_s = _restart(machine)
    before_kib = _memory_kib(machine)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda person: person.imap.idle(), people))

    def each_kib() -> float:
        return (_memory_kib(machine) - before_kib) / SESSIONS

    wait_for(lambda: each_kib() <= MOST_KIB, f"at most {MOST_KIB} KiB each")

    assert _restart(machine) - without_sessions_s < MOST_FOR_SESSIONS_S
    people[0].logs_in()


def _restart(machine: Machine) -> float:
    """Restart Dovecot, and return how many seconds that took."""
    start_s = time.monotonic()
    machine.run("systemctl", "restart", "dovecot")
    return time.monotonic() - start_s


def _memory_kib(machine: Machine) -> int:
    """Of all stores."""
    return sum(int(store.run("sh", "-c", MEMORY)) for store in machine.stores)
