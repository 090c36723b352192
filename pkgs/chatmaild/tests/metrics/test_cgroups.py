"""Which units have processes."""

import pathlib

import pytest

from chatmaild.metrics import cgroups
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
    assert cgroups.own_slice(text) == expected


def test_units_without_processes_are_left_out(settings: Settings) -> None:
    """Timers and rules of the firewall have none."""
    found = cgroups.units(settings)

    assert {"postfix", "dovecot", "chatmail-filter", "coturn"} <= set(found)
    assert not {"chatmail-connections", "chatmail-expire.timer"} & set(found)


@pytest.mark.parametrize(
    ("place", "expected"),
    [("system.slice", {"postfix": True, "dovecot": False}), ("user.slice/session-1.scope", {})],
)
def test_units_are_seen_from_a_service(
    settings: Settings,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    expected: dict[str, bool],
) -> None:
    """An operator's session has another slice: nothing can be said there."""
    monkeypatch.setattr(cgroups, "own_directory", lambda: tmp_path / place)
    group = tmp_path / place / "postfix.service"
    group.mkdir(parents=True)
    (group / "cgroup.events").write_text("populated 1\n")

    found = cgroups.running(settings)

    assert expected.items() <= found.items()
    assert bool(found) is bool(expected)
