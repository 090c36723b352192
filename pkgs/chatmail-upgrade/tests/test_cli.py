"""The command line."""

import pytest
from click.testing import CliRunner

from chatmail_upgrade.cli import VERSION, main


def test_the_version_is_that_of_the_repository() -> None:
    """Also where nothing is installed, as here."""
    done = CliRunner().invoke(main, ["--version"])

    assert done.exit_code == 0
    assert done.output == f"chatmail-upgrade {VERSION}\n"


def test_the_help_lists_all_commands() -> None:
    """Each with a sentence."""
    done = CliRunner().invoke(main, ["--help"])

    assert done.exit_code == 0
    assert "recover  Return to the previous system" in done.output
    assert "run      Upgrade this machine; exits 1 if the new system does not stay." in done.output


@pytest.mark.parametrize("arguments", [[], ["--flake", ".", "--candidate", "/nix/store/a"]])
def test_an_upgrade_has_one_source(arguments: list[str]) -> None:
    """A flake, or a system."""
    assert CliRunner().invoke(main, ["run", *arguments]).exit_code == 2
