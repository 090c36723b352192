"""Stops Postfix without cutting off what is on its way (`ExecStop=` of its unit).

`postfix stop` signals all its processes at once. A delivery agent that waits for the answer to a
message dies, and the message is delivered again later. Here, the master alone ends, as by
`postfix drain`: the others serve whom they serve and end by themselves. Who has a session, but no
message on its way, is not waited for; systemd ends those.
"""

import contextlib
import os
import signal
import time
from pathlib import Path

# once the master is gone, these run in the middle of a message only, which comes in or leaves
BUSY = frozenset({"cleanup", "lmtp", "smtp"})
# as long as `postfix stop` would wait; systemd's own limit is far above
PATIENCE_S = 5.0
LOOK_EVERY_S = 0.02


def drain(master: int, patience_s: float = PATIENCE_S) -> bool:
    """End a master process, and wait for its processes that have a message in their hands.

    Returns whether all of them came to their end.
    """
    deadline_s = time.monotonic() + patience_s
    with contextlib.suppress(ProcessLookupError):  # its processes may be there all the same
        os.kill(master, signal.SIGKILL)
    while _is_busy(master):
        if time.monotonic() > deadline_s:
            return False
        time.sleep(LOOK_EVERY_S)
    return True


def _is_busy(group: int) -> bool:
    """Whether a process group has such a program (proc(5), /proc/PID/stat)."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            shown = path.read_text()
        except OSError:
            continue  # it has just ended
        name, _, rest = shown.partition("(")[2].rpartition(") ")
        state, _, its_group, *_ = rest.split()
        if int(its_group) == group and name in BUSY and state not in ("X", "Z"):
            return True
    return False
