"""Wall clocks of relays that jump, by pkgs/chatmail-lab/preload/shifted-clock.c."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import labs
from chatmail_lab import Lab
from chatmail_lab.render.files import text_file
from loss.plan import RELAY_UNITS, Trouble

LIBRARY = "/usr/lib/chatmail/shifted-clock.so"
OFFSET = "/etc/lab-clock"
RIGHT = "+0000000"


def install(lab: Lab, relays: Sequence[str]) -> None:
    """Let the clocks of relays be moved; restarts all their services."""
    for relay in relays:
        rootfs = lab.assembly().rootfs(lab.assembly().host(relay))
        rootfs.write(text_file(OFFSET, RIGHT, mode=0o644))
        rootfs.write(text_file("/etc/ld.so.preload", f"{LIBRARY}\n", mode=0o644))
        labs.output(lab.directory.name, relay, "systemctl", "restart", *RELAY_UNITS)


@contextlib.contextmanager
def moved(lab: Lab, trouble: Trouble) -> Iterator[None]:
    """Move the clock of a relay by the seconds of `detail`, and back."""
    try:
        _move(lab, trouble.host, trouble.detail)
        yield
    finally:
        _move(lab, trouble.host, RIGHT)


def _move(lab: Lab, relay: str, offset: str) -> None:
    """Write into the file that all processes of a relay have mapped."""
    assembly = lab.assembly()
    with assembly.rootfs(assembly.host(relay)).path(OFFSET).open("r+b", buffering=0) as file:
        file.write(offset.encode())
    # as systemd does for timers with OnClockChange=, which reads the clock of the machine
    for timer in _timers_of_clock_changes(lab, relay):
        labs.output(lab.directory.name, relay, "systemctl", "start", "--no-block", timer)


def _timers_of_clock_changes(lab: Lab, relay: str) -> list[str]:
    script = "grep -ls ^OnClockChange=true /etc/systemd/system/*.timer || true"
    found = labs.output(lab.directory.name, relay, "sh", "-c", script).split()
    return [path.rpartition("/")[2].replace(".timer", ".service") for path in found]
