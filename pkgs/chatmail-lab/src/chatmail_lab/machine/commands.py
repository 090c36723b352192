"""Programs of this machine that run to their end."""

import shlex
import subprocess
from collections.abc import Sequence

from chatmail_lab.errors import CommandError, LabError


def run(
    command: Sequence[str], *, stdin: str | None = None, timeout_s: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run a command that must succeed, and return its output.

    Raises:
        LabError: The program is missing, fails or takes too long; with the end of its output.
    """
    try:
        done = subprocess.run(
            command,
            input=stdin,
            stdin=None if stdin is not None else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
    except FileNotFoundError as error:
        raise LabError(f"{command[0]}: not found; is it installed and in PATH?") from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{shlex.join(command)}: still running after {timeout_s} s") from error
    if done.returncode != 0:
        raise CommandError(shlex.join(command), done)
    return done
