"""`lab status`: hosts with what they use, as a table."""

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
    """Rows as lines with aligned columns."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def duration(seconds: float) -> str:
    """A time span in its two largest units."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def size(amount: int) -> str:
    """Bytes in MiB."""
    return f"{amount / 1048576:.0f} MiB"


def _memory(group: Path) -> int:
    """Proportional share of memory of all processes below a control group, in bytes."""
    total = 0
    # units end while they are counted
    for folder, _, _ in os.walk(group):
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


def _disk(directory: Path) -> int:
    """Bytes in the files of a layer."""
    total = 0
    for folder, _, files in os.walk(directory):
        for file in files:
            try:
                total += os.lstat(Path(folder) / file).st_blocks * 512
            except FileNotFoundError:
                continue
    return total


def _row(assembly: Assembly, host: Host) -> tuple[str, ...]:
    if not host.is_booted:
        return (host.name, host.kind, host.ipv4, host.ipv6, "up", "", "", "")
    container = assembly.container(host)
    try:
        state = container.exec(["systemctl", "is-system-running"]).stdout.strip()
        listed = container.exec(LIST_RUNNING.split()).stdout
    except LabError:
        return (host.name, host.kind, host.ipv4, host.ipv6, "down", "", "", "")
    group = assembly.holder.view / "sys/fs/cgroup" / container.group
    layer = assembly.holder.view / str(assembly.merged(host).parent / "upper").lstrip("/")
    units = f"{len(listed.splitlines())} running"
    sizes = (size(_memory(group)), size(_disk(layer)))
    return (host.name, host.kind, host.ipv4, host.ipv6, state, units, *sizes)


def status(assembly: Assembly, *, started_s: float) -> str:
    """The whole table, with a line about the lab itself."""
    title = f"lab {assembly.home.name}, up for {duration(time.time() - started_s)}"
    return f"{title}\n{columns([HEADER, *(_row(assembly, host) for host in assembly.hosts)])}"
