"""For a while: stop a service of a relay, kill its deliveries, or run its queue more often."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from chatmail_testkit.relays.target import Machine
from chatmail_testkit.waiting import wait_for

_ARM = """
processes=$(pgrep --full ^dovecot/lmtp) || exit 0
systemd-run --quiet --collect --unit=death --description=death \
    --property=StandardError=null strace --output=/dev/null \
    $(printf -- ' --attach=%s' $processes) "$@" >&2
for process in $processes; do
    while grep --quiet 'TracerPid:.0$' /proc/$process/status; do sleep 0.02; done
done
echo $processes
"""
_DISARM = "systemctl stop death 2>/dev/null; pgrep --full ^dovecot/lmtp || true"


def has_unit(machine: Machine, unit: str) -> bool:
    """Returns whether a machine has a service: fronts and stores of a cluster have others."""
    show = ("systemctl", "show", "--property=LoadState", "--value", f"{unit}.service")
    return machine.run(*show).strip() == "loaded"


@contextlib.contextmanager
def stopped(machine: Machine, unit: str) -> Iterator[None]:
    """Stops a unit while the body runs, and starts it again."""
    machine.stop(unit)
    try:
        yield
    finally:
        machine.start(unit)


@contextlib.contextmanager
def queue_runs_often(machine: Machine) -> Iterator[None]:
    """Flushes the queue every few seconds; Postfix itself runs it every minute."""
    machine.run(
        "systemd-run", "--unit=e2e-flush", "sh", "-c", "while postqueue -f; do sleep 3; done"
    )
    try:
        yield
    finally:
        machine.run("systemctl", "stop", "e2e-flush")


@contextlib.contextmanager
def deadly(machine: Machine, *options: str) -> Iterator[set[str]]:
    """Makes strace kill delivery processes; afterwards the set holds those killed."""
    killed: set[str] = set()
    waiting = wait_for(
        lambda: machine.run("sh", "-c", _ARM, "arm", *options).split(), "a process", within_s=10
    )
    try:
        yield killed
    finally:
        alive = machine.run("sh", "-c", _DISARM).split()
        killed.update(set(waiting) - set(alive))
