"""`NixMachine` with programs that log how they were called."""

import os
from pathlib import Path

import pytest

from chatmail_upgrade.machine import ActivationError, NixMachine


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with two systems; fakes of nix-env and systemctl are first in PATH."""
    programs = tmp_path / "bin"
    programs.mkdir()
    script(programs / "nix-env", 'echo "nix-env $*" >> "$0.log"; ln -sfn "$4" "$2"')
    script(programs / "systemctl", f"cp {tmp_path}/verdict {tmp_path}/report; exit 0")
    for system in ("old", "new"):
        switch = tmp_path / system / "bin" / "switch-to-configuration"
        switch.parent.mkdir(parents=True)
        script(
            switch,
            f'echo "$1" >> {tmp_path}/{system}.log; ln -sfn {tmp_path}/{system} {tmp_path}/running',
        )
    (tmp_path / "running").symlink_to(tmp_path / "old")
    (tmp_path / "profile").symlink_to(tmp_path / "old")
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    return tmp_path


def script(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)


@pytest.fixture
def machine(bench: Path) -> NixMachine:
    return NixMachine(
        builder=lambda: str(bench / "new"),
        profile=bench / "profile",
        selftest_report=bench / "report",
        running_system=bench / "running",
    )


def test_a_trial_does_not_change_the_boot_default(bench: Path, machine: NixMachine) -> None:
    """`test` activates; the profile stays."""
    machine.activate(machine.build())

    assert machine.running() == str(bench / "new")
    assert (bench / "new.log").read_text() == "test\n"
    assert (bench / "profile").readlink() == bench / "old"


def test_the_boot_default_is_profile_and_boot_loader(bench: Path, machine: NixMachine) -> None:
    """The profile comes first, because the boot loader's menu is made from it."""
    machine.make_default(str(bench / "new"))

    assert (bench / "profile").readlink() == bench / "new"
    assert (bench / "new.log").read_text() == "boot\n"


def test_a_failed_boot_loader_restores_the_profile(bench: Path, machine: NixMachine) -> None:
    """The machine boots the previous system."""
    script(bench / "new" / "bin" / "switch-to-configuration", "echo full; exit 1")

    with pytest.raises(ActivationError, match="full"):
        machine.make_default(str(bench / "new"))
    assert (bench / "profile").readlink() == bench / "old"


def test_the_report_of_the_unit_decides(bench: Path, machine: NixMachine) -> None:
    """An older report does not count."""
    (bench / "verdict").write_text(
        '{"checks": [{"name": "send", "outcome": "failed", "detail": "no"}]}'
    )

    assert machine.health().failed == {"send": "no"}

    (bench / "verdict").unlink()
    assert set(machine.health().failed) == {"gate"}


def test_a_unit_that_fails_without_a_failed_check_is_a_failure(
    bench: Path, machine: NixMachine
) -> None:
    """A killed selftest has not passed."""
    (bench / "verdict").write_text(
        '{"checks": [{"name": "send", "outcome": "passed", "detail": "no"}]}'
    )
    script(bench / "bin" / "systemctl", f"cp {bench}/verdict {bench}/report; echo killed; exit 1")

    assert machine.health().failed == {"gate": "killed"}
