"""NixMachine with programs that write down how they were called."""

import os
from pathlib import Path

import pytest

from chatmail_nixos.upgrade.build import existing_system, system_attribute
from chatmail_nixos.upgrade.machine import ActivationError, BuildError, NixMachine


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two systems and stand-ins for nix-env and systemctl first in PATH."""
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
        gate_unit="chatmail-selftest.service",
        gate_report=bench / "report",
        running_system=bench / "running",
    )


def test_a_trial_does_not_touch_what_boots(bench: Path, machine: NixMachine) -> None:
    """`test` activates; the profile stays."""
    machine.try_out(machine.build())

    assert machine.running() == str(bench / "new")
    assert (bench / "new.log").read_text() == "test\n"
    assert (bench / "profile").readlink() == bench / "old"


def test_adopting_sets_the_profile_and_the_boot_loader(bench: Path, machine: NixMachine) -> None:
    """The profile first, because the boot loader's menu is made from it."""
    machine.adopt(str(bench / "new"))

    assert (bench / "profile").readlink() == bench / "new"
    assert (bench / "new.log").read_text() == "boot\n"


def test_a_failed_boot_loader_puts_the_profile_back(bench: Path, machine: NixMachine) -> None:
    """What boots is what ran before."""
    script(bench / "new" / "bin" / "switch-to-configuration", "echo full; exit 1")

    with pytest.raises(ActivationError, match="full"):
        machine.adopt(str(bench / "new"))
    assert (bench / "profile").readlink() == bench / "old"


def test_the_gate_is_the_report_of_its_unit(bench: Path, machine: NixMachine) -> None:
    """The unit's report decides, not an older one."""
    (bench / "verdict").write_text(
        '{"checks": [{"name": "send", "outcome": "failed", "detail": "no"}]}'
    )

    assert machine.health().failed == {"send": "no"}

    (bench / "verdict").unlink()
    assert set(machine.health().failed) == {"gate"}


def test_a_unit_that_fails_without_a_failed_check_is_a_failure(
    bench: Path, machine: NixMachine
) -> None:
    """A killed selftest cannot pass."""
    (bench / "verdict").write_text(
        '{"checks": [{"name": "send", "outcome": "passed", "detail": "no"}]}'
    )
    script(bench / "bin" / "systemctl", f"cp {bench}/verdict {bench}/report; echo killed; exit 1")

    assert machine.health().failed == {"gate": "killed"}


@pytest.mark.parametrize(
    ("flake", "attribute"),
    [
        (
            "github:me/relay",
            'github:me/relay#nixosConfigurations."mail".config.system.build.toplevel',
        ),
        ("/etc/nixos#pi", '/etc/nixos#nixosConfigurations."pi".config.system.build.toplevel'),
    ],
)
def test_the_host_name_is_the_default_configuration(flake: str, attribute: str) -> None:
    """As nixos-rebuild does."""
    assert system_attribute(flake, "mail") == attribute


def test_only_a_nixos_system_is_tried(bench: Path) -> None:
    """A typing error in --candidate activates nothing."""
    assert existing_system(bench / "running") == str(bench / "old")
    with pytest.raises(BuildError, match="no NixOS system"):
        existing_system(bench / "bin")
