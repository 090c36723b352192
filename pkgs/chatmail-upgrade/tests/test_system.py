"""NixOS systems, with fakes of their programs."""

import os
from pathlib import Path

import pytest

from chatmail_upgrade.system import set_profile, switch


def test_the_program_of_the_system_activates_it(tmp_path: Path) -> None:
    """And not the one of the running system."""
    program = tmp_path / "bin" / "switch-to-configuration"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "$1"; exit 4\n')
    program.chmod(0o755)

    done = switch(str(tmp_path), "test")

    assert (done.status, done.output) == (4, "test\n")


def test_nix_env_sets_the_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a new generation."""
    (tmp_path / "nix-env").write_text('#!/bin/sh\necho "$*"\n')
    (tmp_path / "nix-env").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    done = set_profile(tmp_path / "profile", "/nix/store/a")

    assert done.output == f"--profile {tmp_path}/profile --set /nix/store/a\n"
