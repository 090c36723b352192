"""Units and disks."""

import pathlib

import pytest

from chatmaild.metrics import Counters
from chatmaild.monitor import machine
from chatmaild.settings import Settings


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0::/system.slice/chatmail-metrics.service\n", "system.slice"),
        ("1:name=systemd:/\n0::/x/system.slice/y.service\n", "x/system.slice"),
        ("0::/\n", ""),
        ("", ""),
    ],
)
def test_the_own_slice(text: str, expected: str) -> None:
    """In it are the units; containers have a path before it."""
    assert machine.own_slice(text) == expected


def test_units_without_processes_are_left_out(settings: Settings) -> None:
    """Timers and rules of the firewall have none."""
    found = machine.units(settings)

    assert {"postfix", "dovecot", "chatmail-filter", "coturn"} <= set(found)
    assert not {"chatmail-connections", "chatmail-expire.timer"} & set(found)


def test_a_unit(
    settings: Settings, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Up with processes, down without; memory and time."""
    monkeypatch.setattr(machine, "CGROUPS", tmp_path)
    slice_ = tmp_path / machine.own_slice(pathlib.Path("/proc/self/cgroup").read_text())
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
