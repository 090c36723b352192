"""Units and disks, from files that every process may read."""

import os
from pathlib import Path

from chatmaild.metrics import Counters
from chatmaild.metrics.cgroups import is_up, own_directory, read, units
from chatmaild.settings import Settings


def measure(settings: Settings, counters: Counters) -> None:
    """Set the gauges of all units and file systems."""
    parent = own_directory()
    for unit in units(settings):
        _measure_unit(parent / f"{unit}.service", unit, counters)
    directories, role = settings.directories, settings.cluster.role
    if role != "front":
        _measure_disk("mail", directories.mail, counters)
    if role != "store":
        _measure_disk("queue", directories.postfix_queue, counters)


def _measure_unit(group: Path, unit: str, counters: Counters) -> None:
    counters.set("unit_up", is_up(group), unit=unit)
    if memory := read(group / "memory.current").strip():
        counters.set("unit_memory_bytes", int(memory), unit=unit)
    usage = dict(line.split() for line in read(group / "cpu.stat").splitlines())
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
