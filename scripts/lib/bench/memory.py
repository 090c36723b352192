"""Measures the memory of a relay's daemons."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator
from typing import Final

import labs
from bench.sides import RELAYS, Side, line
from labs import LabFailedError

FIRST: Final = 100

# Prints the memory (PSS, proc_pid_smaps(5)) of all processes except systemd in KiB.
_PSS = """
total=0
for process in /proc/[0-9]*; do
  name=$(cat $process/comm 2>/dev/null) || continue
  case $name in systemd*|'(sd-pam)'|sh|cat|dbus-daemon|agetty) continue;; esac
  pss=$(sed -n 's/^Pss: *\\([0-9]*\\) kB/\\1/p' $process/smaps_rollup 2>/dev/null)
  total=$((total + ${pss:-0}))
done
echo $total
"""


def pss_kib(lab: str, relay: str) -> int:
    """Return the memory of all daemons of a relay, with shared pages counted once."""
    return int(labs.output(lab, relay, "sh", "-c", _PSS))


# Prints the main process of a service and resets its peak (proc(5), clear_refs).
_PID = (
    "pid=$(systemctl show --property=MainPID --value $0); echo 5 > /proc/$pid/clear_refs; echo $pid"
)


@contextlib.contextmanager
def peak(lab: str, relay: str, unit: str) -> Iterator[list[float]]:
    """Measure a service during the body; afterwards the list holds its peak in MiB."""
    pid = labs.output(lab, relay, "sh", "-c", _PID, unit).strip()
    found: list[float] = []
    yield found
    status = labs.output(lab, relay, "cat", f"/proc/{pid}/status")
    [most] = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    found.append(int(most) / 1024)


def per_idle_connection_kib(side: Side, connections: int, settle_s: float) -> float:
    """Return the memory of one more IMAP connection, idle for `settle_s`.

    `FIRST` others are open before: processes that Dovecot starts for the first do not count.
    """
    with _waiting(side, FIRST, settle_s):
        before_kib = pss_kib(side.lab, RELAYS[0])
        with _waiting(side, connections, settle_s):
            return (pss_kib(side.lab, RELAYS[0]) - before_kib) / connections


@contextlib.contextmanager
def _waiting(side: Side, connections: int, settle_s: float) -> Iterator[None]:
    """Hold connections of new addresses that have been idle for `settle_s`."""
    arguments = ["idle", "--count", str(connections)]
    with side.load(*arguments, people=connections, stdin=subprocess.PIPE) as holder:
        if line(holder.stdout) != "idle":
            raise LabFailedError("the idle connections did not come up")
        time.sleep(settle_s)
        yield
        holder.communicate()
