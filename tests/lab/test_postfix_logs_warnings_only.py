"""Postfix sends only warnings and errors to syslog, so the journal has nothing to drop."""

from __future__ import annotations

from chatmail_lab import Lab

LIBRARY = "quiet-syslog.so"
# setlogmask(0) returns the mask of logged priorities: 0 (LOG_EMERG) to 4 (LOG_WARNING)
MASK = "import ctypes; print(bin(ctypes.CDLL(None).setlogmask(0)))"

# prints each process of the unit without the library; fails if there are fewer than three processes
LOUD = f"""
cd /proc && set -- $(cat /sys/fs/cgroup$(systemctl show -P ControlGroup postfix)/cgroup.procs)
test $# -ge 3 || exit 1
for process in "$@"; do grep --quiet {LIBRARY} $process/maps || cat $process/comm; done
"""


def test_the_library_sets_the_log_mask(running: Lab) -> None:
    """Of every program that loads it."""
    environment = f"LD_PRELOAD=/usr/lib/chatmail/{LIBRARY}"
    printed = running.relay("a.test").exec(["env", environment, "python3", "-c", MASK])

    assert printed.stdout.strip() == "0b11111"


def test_every_process_of_postfix_loads_the_library(running: Lab) -> None:
    """master(8) clears the environment of the processes that it starts."""
    loud = running.relay("a.test").exec(["sh", "-c", LOUD])

    assert loud.stdout == ""
