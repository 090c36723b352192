"""Units and disks, from files that every process may read."""

import os
from pathlib import Path
from typing import Final

from chatmaild.metrics import Counters
from chatmaild.settings import Settings

CGROUPS: Final = Path("/sys/fs/cgroup")
# units without a process of their own
WITHOUT_PROCESS: Final = frozenset({"chatmail-connections"})


def measure(settings: Settings, counters: Counters) -> None:
    """Set the gauges of all units and file systems."""
    parent = CGROUPS / own_slice(Path("/proc/self/cgroup").read_text())
    for unit in units(settings):
        _measure_unit(parent / f"{unit}.service", unit, counters)
    directories = settings.directories
    for name, directory in (("mail", directories.mail), ("queue", directories.postfix_queue)):
        _measure_disk(name, directory, counters)


def units(settings: Settings) -> list[str]:
    """Return the units that have processes while the relay is well."""
    off = set() if settings.turn.enable else {"coturn"}
    return [
        unit
        for unit in settings.units
        if not unit.endswith(".timer") and unit not in WITHOUT_PROCESS | off
    ]


def own_slice(text: str) -> str:
    """Return the slice of this process, relative to the root, from /proc/self/cgroup."""
    path = next((line[3:] for line in text.splitlines() if line.startswith("0::")), "/")
    return path.rpartition("/")[0].strip("/")


def _measure_unit(group: Path, unit: str, counters: Counters) -> None:
    counters.set("unit_up", "populated 1" in _read(group / "cgroup.events"), unit=unit)
    if memory := _read(group / "memory.current").strip():
        counters.set("unit_memory_bytes", int(memory), unit=unit)
    usage = dict(line.split() for line in _read(group / "cpu.stat").splitlines())
    counters.set("unit_cpu_seconds", int(usage.get("usage_usec", 0)) / 1e6, unit=unit)


def _measure_disk(name: str, directory: str, counters: Counters) -> None:
    try:
        status = os.statvfs(directory)
    except OSError:
        return
    counters.set("disk_size_bytes", status.f_blocks * status.f_frsize, directory=name)
    counters.set("disk_free_bytes", status.f_bavail * status.f_frsize, directory=name)
    if status.f_files:  # btrfs and others have no fixed number
        counters.set("disk_inodes", status.f_files, directory=name)
        counters.set("disk_free_inodes", status.f_favail, directory=name)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
