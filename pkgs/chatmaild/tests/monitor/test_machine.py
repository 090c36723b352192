"""Units and disks."""

import pathlib

import pytest

from chatmaild.metrics import Counters, cgroups
from chatmaild.monitor import machine
from chatmaild.settings import Settings


def test_a_unit(
    settings: Settings, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Up with processes, down without; memory and time."""
    monkeypatch.setattr(cgroups, "CGROUPS", tmp_path)
    slice_ = tmp_path / cgroups.own_slice(pathlib.Path("/proc/self/cgroup").read_text())
    group = slice_ / "postfix.service"
    group.mkdir(parents=True)
    (group / "cgroup.events").write_text("populated 1\nfrozen 0\n")
    (group / "memory.current").write_text("4096\n")
    (group / "cpu.stat").write_text("usage_usec 1500000\nuser_usec 1\n")
    counters = Counters()
    machine.measure(settings, counters)
    value = counters.value

    assert (value("unit_up", unit="postfix"), value("unit_up", unit="nginx")) == (1, 0)
    assert value("unit_memory_bytes", unit="postfix") == 4096
    assert value("unit_cpu_seconds", unit="postfix") == 1.5
    assert value("disk_size_bytes", directory="mail") >= value("disk_free_bytes", directory="mail")
    assert value("disk_free_bytes", directory="mail") > 0
