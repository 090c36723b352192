"""Idle IMAP sessions need little memory, so a small machine holds thousands."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.waiting import wait_for
from conftest import PersonFactory

SESSIONS = 400
AT_ONCE = 20
# stock Dovecot needs over 130; this includes the processes that the first session starts
MOST_KIB = 112
# memory (PSS) of Dovecot's processes in KiB: proc_pid_smaps(5)
MEMORY = """
for process in /proc/[0-9]*; do
  case $(readlink $process/exe) in *dovecot*) cat $process/smaps_rollup 2>/dev/null;; esac
done | awk '/^Pss:/ { total += $2 } END { print total }'
"""


@pytest.mark.disturbs
def test_memory_per_session(relay: str, new_person: PersonFactory, machine: Machine) -> None:
    """All of Dovecot's processes, divided by the hibernating sessions."""
    people = [new_person(relay) for _ in range(SESSIONS)]
    before_kib = _memory_kib(machine)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda person: person.imap.idle(), people))

    def each_kib() -> float:
        return (_memory_kib(machine) - before_kib) / SESSIONS

    wait_for(lambda: each_kib() <= MOST_KIB, f"at most {MOST_KIB} KiB each")
    for person in people:
        person.imap.idle_done()


def _memory_kib(machine: Machine) -> int:
    return int(machine.run("sh", "-c", MEMORY))
