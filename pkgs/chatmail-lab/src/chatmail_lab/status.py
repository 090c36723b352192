"""The table of `lab status`: hosts, their state, and what they use."""

import os
import time
from collections.abc import Sequence
from pathlib import Path

from chatmail_lab.assembly import Assembly
from chatmail_lab.errors import LabError
from chatmail_lab.plan import Host

LIST_RUNNING = "systemctl list-units --plain --no-legend --type=service --state=running"
HEADER = ("host", "kind", "IPv4", "IPv6", "state", "units", "memory", "disk")


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as lines with aligned columns."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def duration(seconds: float) -> str:
    """Return a time span in its two largest units."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def size(amount: int) -> str:
    """Return bytes as MiB."""
    return f"{amount / 1048576:.0f} MiB"


def _memory(control_group: Path) -> int:
    """Return the proportional set size of all processes below a control group, in bytes."""
    total = 0
    # groups and processes may end during the walk
    for folder, _, _ in os.walk(control_group):
        try:
            pids = Path(folder, "cgroup.procs").read_text().split()
        except OSError:
            continue
        for pid in pids:
            try:
                rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            for line in rollup.splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
    return total


def _disk(upper: Path) -> int:
    """Return the disk space of a host's own files, in bytes."""
    total = 0
    for folder, _, files in os.walk(upper):
        for file in files:
            try:
                total += os.lstat(Path(folder) / file).st_blocks * 512
            except FileNotFoundError:
                continue
    return total


def _row(assembly: Assembly, host: Host) -> tuple[str, ...]:
    kind = host.role if host.is_member else host.kind
    if not host.is_booted:
        return (host.name, kind, host.ipv4, host.ipv6, "up", "", "", "")
    container = assembly.container(host)
    try:
        state = container.exec(["systemctl", "is-system-running"]).stdout.strip()
        listed = container.exec(LIST_RUNNING.split()).stdout
    except LabError:
        return (host.name, kind, host.ipv4, host.ipv6, "down", "", "", "")
    control_group = assembly.keeper.root / "sys/fs/cgroup" / container.control_group
    upper = assembly.keeper.root / str(assembly.mount_point(host).parent / "upper").lstrip("/")
    units = f"{len(listed.splitlines())} running"
    sizes = (size(_memory(control_group)), size(_disk(upper)))
    return (host.name, kind, host.ipv4, host.ipv6, state, units, *sizes)


def status(assembly: Assembly, *, started_s: float) -> str:
    """Return the whole table, after a line about the lab itself."""
    title = f"lab {assembly.directory.name}, up for {duration(time.time() - started_s)}"
    return f"{title}\n{columns([HEADER, *(_row(assembly, host) for host in assembly.hosts)])}"
