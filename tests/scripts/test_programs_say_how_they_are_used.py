"""Programs that no other test starts: they find their modules, and say how they are used."""

import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.mark.parametrize(
    "command",
    [
        "bench",
        "bench model",
        "bench plot",
        "loss-test",
        "scale",
        "scale directory",
        "scale machines",
        "scale storage",
        "scale storm",
    ],
)
def test_with_help(command: str) -> None:
    """None of them starts a lab then."""
    [program, *arguments] = command.split()
    shown = subprocess.run(
        [SCRIPTS / program, *arguments, "--help"], capture_output=True, text=True, timeout=60
    )
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.startswith("Usage: ")
