"""Services that wait need little memory: a relay fits on a small machine."""

from __future__ import annotations

import pytest
from chatmail_testkit.relays.services import has_unit
from chatmail_testkit.relays.target import Machine

# MiB on Debian 13 with the default limits, and a tenth more; docs/performance has what takes it
MOST_MIB = {
    "chatmail-accounts": 15.5,
    "chatmail-directory": 15.5,
    "chatmail-filter": 20.5,
    "chatmail-transport": 15.5,
    # 12 of them are the table of connections
    "nginx": 16.0,
    "dovecot": 16.5,
    "unbound": 5.5,
}
ACCOUNTS = {"chatmail-accounts", "chatmail-directory"}
PENDING = "/var/lib/chatmail/accounts/pending_notifications"
# the memory of the processes of a unit that belongs to no file, in KiB: proc_pid_smaps(5)
MEMORY = """
for unit in $@; do
  for process in $(cat /sys/fs/cgroup/system.slice/$unit.service/cgroup.procs); do
    cat /proc/$process/smaps_rollup
  done | awk -v unit=$unit '/^Pss_Anon:/ { total += $2 } END { print unit, total }'
done
"""


@pytest.mark.disturbs
def test_memory_of_each_service(machine: Machine) -> None:
    """After a start: what people did before is no part of it."""
    for member in machine.members:
        units = [unit for unit in MOST_MIB if has_unit(member, unit)]
        # of other scenarios: a service that has notifications to repeat loads TLS for them
        member.run("systemctl", "stop", *ACCOUNTS & {*units})
        member.run("rm", "-rf", PENDING)
        member.run("systemctl", "restart", *units)
        lines = member.run("sh", "-c", MEMORY, "sh", *units).splitlines()
        found = {unit: int(kib) / 1024 for unit, kib in map(str.split, lines)}
        print({unit: round(mib, 1) for unit, mib in found.items()})

        assert {unit: mib for unit, mib in found.items() if mib > MOST_MIB[unit]} == {}
