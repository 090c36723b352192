"""Processes that a test starts: the command line of this checkout, with this test's packages."""

import os
import pathlib
import sys

MAIN = "from chatmaild.cli import main; main()"


def chatmaild(settings: pathlib.Path, *arguments: str) -> list[str]:
    """The command `chatmaild` with this file of settings."""
    return [sys.executable, "-c", MAIN, "--settings", str(settings), *arguments]


def environment(**more: str) -> dict[str, str]:
    """What a child needs to import all that the test can; how Python found it is not inherited."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)} | more
