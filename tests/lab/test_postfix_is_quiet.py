"""Postfix sends warnings and worse to syslog, and nothing that the journal would have to drop."""

from __future__ import annotations

from chatmail_lab import Lab

LIBRARY = "quiet-syslog.so"
# setlogmask(0) returns what is sent: priorities 0 (LOG_EMERG) to 4 (LOG_WARNING)
MASK = "import ctypes; print(bin(ctypes.CDLL(None).setlogmask(0)))"

# names every process of the unit that does not have it, and fails where there are fewer than three
LOUD = f"""
cd /proc && set -- $(cat /sys/fs/cgroup$(systemctl show -P ControlGroup postfix)/cgroup.procs)
test $# -ge 3 || exit 1
for process in "$@"; do grep --quiet {LIBRARY} $process/maps || cat $process/comm; done
"""


def test_what_the_library_lets_through(running: Lab) -> None:
    """In any program."""
    environment = f"LD_PRELOAD=/usr/lib/chatmail/{LIBRARY}"
    told = running.relay("a.test").exec(["env", environment, "python3", "-c", MASK])

    assert told.stdout.strip() == "0b11111"


def test_every_process_of_postfix_has_it(running: Lab) -> None:
    """Its master cleans the environment in which it starts them."""
    loud = running.relay("a.test").exec(["sh", "-c", LOUD])

    assert loud.stdout == ""
