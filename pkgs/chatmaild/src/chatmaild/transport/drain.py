"""Stops Postfix without interrupting a transaction (`ExecStop=` of its unit).

`postfix stop` signals all processes at once. A delivery agent that waits for the final reply dies,
and Postfix delivers the message a second time later. So only the master is stopped, as
`postfix drain` does; the other processes finish and exit. Idle sessions are not waited for: systemd
ends them.
"""

import contextlib
import os
import signal
import time
from pathlib import Path

# without a master, these processes run only as long as they have a transaction
BUSY = frozenset({"cleanup", "lmtp", "smtp"})
# as long as `postfix stop` waits; TimeoutStopSec= is far above
PATIENCE_S = 5.0
LOOK_EVERY_S = 0.02


def drain(master: int, patience_s: float = PATIENCE_S) -> bool:
    """Stop a master process and wait for the transactions of its processes.

    Returns:
        Whether all ended in time.
    """
    deadline_s = time.monotonic() + patience_s
    with contextlib.suppress(ProcessLookupError):  # its processes may still run
        os.kill(master, signal.SIGKILL)
    while _is_busy(master):
        if time.monotonic() > deadline_s:
            return False
        time.sleep(LOOK_EVERY_S)
    return True


def _is_busy(group: int) -> bool:
    """Whether a process group has a busy program (proc(5), /proc/PID/stat)."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            shown = path.read_text()
        except OSError:
            continue  # the process has ended
        name, _, rest = shown.partition("(")[2].rpartition(") ")
        state, _, its_group, *_ = rest.split()
        if int(its_group) == group and name in BUSY and state not in ("X", "Z"):
            return True
    return False
