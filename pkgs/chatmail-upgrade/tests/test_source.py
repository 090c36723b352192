"""Where the new system comes from."""

import os
from pathlib import Path

import pytest

from chatmail_upgrade.source import (
    BuildError,
    adapt,
    build_flake,
    existing_system,
    system_attribute,
)


def script(path: Path, line: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)
    return path


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
    """As in nixos-rebuild."""
    assert system_attribute(flake, "mail") == attribute


def test_only_a_nixos_system_is_taken(tmp_path: Path) -> None:
    """A typing error in --candidate activates nothing."""
    switch = tmp_path / "old" / "bin" / "switch-to-configuration"
    switch.parent.mkdir(parents=True)
    switch.touch()
    (tmp_path / "running").symlink_to(tmp_path / "old")

    assert existing_system(tmp_path / "running") == str(tmp_path / "old")
    with pytest.raises(BuildError, match="not a NixOS system"):
        existing_system(tmp_path / "old" / "bin")


def test_the_path_that_nix_prints_is_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Warnings go to standard error."""
    script(tmp_path / "bin" / "nix", "echo warning >&2; echo /nix/store/b-new")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)

    assert build_flake("github:me/relay", host="mail", keep=tmp_path / "keep") == "/nix/store/b-new"


def test_a_failed_build_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the end of Nix' output."""
    script(tmp_path / "bin" / "nix", "echo attribute missing >&2; exit 1")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)

    with pytest.raises(BuildError, match="attribute missing"):
        build_flake("github:me/relay", host="mail", keep=tmp_path / "keep")


def test_a_program_adapts_the_system(tmp_path: Path) -> None:
    """It gets the built system, and prints the one to activate."""
    program = script(tmp_path / "adapt", 'echo "$1-adapted"')

    assert adapt(program, "/nix/store/b-new") == "/nix/store/b-new-adapted"


@pytest.mark.parametrize("line", ["echo no file >&2; exit 1", "echo no file >&2"])
def test_a_program_that_prints_no_system_is_an_error(tmp_path: Path, line: str) -> None:
    """The system that was built is not activated instead."""
    program = script(tmp_path / "adapt", line)

    with pytest.raises(BuildError, match="no file"):
        adapt(program, "/nix/store/b-new")
