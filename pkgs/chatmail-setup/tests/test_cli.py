"""The command line."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from chatmail_setup import cli


def test_the_version_is_that_of_the_repository() -> None:
    """Also where nothing is installed, as here."""
    done = CliRunner().invoke(cli.main, ["--version"])

    assert done.exit_code == 0
    assert done.output == f"chatmail-setup {cli.VERSION}\n"


def test_the_help_lists_the_commands() -> None:
    """Without the builder, which only Nix runs."""
    done = CliRunner().invoke(cli.main, ["--help"])

    assert done.exit_code == 0
    for command in ("adapt", "apply", "order-certificate", "show"):
        assert f"\n  {command} " in done.output
    assert "rewrite" not in done.output


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A valid file, on a machine where nix-build makes a system."""
    (tmp_path / "nix-build").write_text("#!/bin/sh\necho /nix/store/b-relay\n")
    (tmp_path / "nix-build").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(cli, "PERSISTENT", tmp_path / "persistent")
    path = tmp_path / "chatmail.toml"
    path.write_text('domain = "chat.ada.example"')
    return path


def test_adapt_prints_the_system(file: Path) -> None:
    """And nothing else: chatmail-upgrade reads it."""
    done = CliRunner().invoke(cli.main, ["adapt", "--file", str(file), "/nix/store/a-image"])

    assert (done.exit_code, done.output) == (0, "/nix/store/b-relay\n")


def test_adapt_fails_without_a_file(file: Path) -> None:
    """An upgrade must not activate the image without the relay."""
    file.unlink()
    done = CliRunner().invoke(cli.main, ["adapt", "--file", str(file), "/nix/store/a-image"])

    assert done.exit_code == 1
    assert "chatmail.toml is missing" in done.output
