"""Runs other programs, with a deadline, and captures their output."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

# the exit status of a shell for a missing program (POSIX, Shell Command Language, 2.8.2)
NOT_FOUND: Final = 127
# the exit status of timeout(1)
TIMED_OUT: Final = 124


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Exit status and output of a program."""

    status: int
    output: str
    errors: str

    @property
    def ok(self) -> bool:
        """Whether the exit status is 0."""
        return self.status == 0

    def tail(self, lines: int = 20) -> str:
        """The last lines of standard output and standard error, for an error message."""
        text = "\n".join(part for part in (self.output.strip(), self.errors.strip()) if part)
        return "\n".join(text.splitlines()[-lines:])


def run(command: Sequence[str], *, deadline_s: float) -> Result:
    """Run a program until it ends; a missing program and a timeout are failed `Result`s."""
    try:
        done = subprocess.run(
            list(command),
            capture_output=True,
            check=False,
            errors="replace",
            text=True,
            timeout=deadline_s,
        )
    except FileNotFoundError:
        return Result(status=NOT_FOUND, output="", errors=f"{command[0]}: no such program")
    except subprocess.TimeoutExpired:
        return Result(
            status=TIMED_OUT, output="", errors=f"{command[0]}: not done after {deadline_s:.0f} s"
        )
    return Result(status=done.returncode, output=done.stdout, errors=done.stderr)
