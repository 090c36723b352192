"""Processes that a test starts: the command line of this checkout, with this test's packages."""

import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any, AnyStr

from .waiting import DEADLINE_S

MAIN = "from chatmaild.cli import main; main()"


def chatmaild(settings: pathlib.Path, *arguments: str) -> list[str]:
    """The command `chatmaild` with this file of settings."""
    return [sys.executable, "-c", MAIN, "--settings", str(settings), *arguments]


def environment(**more: str) -> dict[str, str]:
    """What a child needs to import all that the test can; how Python found it is not inherited."""
    found = {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONFAULTHANDLER": "1"}
    return os.environ | found | more


def finished(
    command: Sequence[str], variables: Mapping[str, str], **how: Any
) -> subprocess.CompletedProcess[Any]:
    """Run a command to its end, as `subprocess.run` does.

    Raises:
        AssertionError: it hangs; the text says where.
    """
    with subprocess.Popen(command, env=variables, **how) as child:
        out, err = output(child)
    return subprocess.CompletedProcess(command, child.returncode, out, err)


def output(child: "subprocess.Popen[AnyStr]") -> tuple[AnyStr, AnyStr]:
    """Wait for the end of a child; its standard output and error.

    Raises:
        AssertionError: it hangs; the text says where.
    """
    try:
        return child.communicate(timeout=DEADLINE_S)
    except subprocess.TimeoutExpired:
        raise AssertionError(f"not ended within {DEADLINE_S:.0f} s:\n{stacks(child)}") from None


def stacks(child: "subprocess.Popen[Any]") -> str:
    """End a child that hangs; the stacks of its threads (faulthandler), and what it has written."""
    child.send_signal(signal.SIGABRT)
    try:
        written = child.communicate(timeout=DEADLINE_S)
    except subprocess.TimeoutExpired:  # a stopped one
        child.kill()
        written = child.communicate()
    return "\n".join(
        part if isinstance(part, str) else part.decode(errors="replace") for part in written if part
    )
