"""Running another program: one place for deadlines and captured output."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# as shells answer for a program that is not there (POSIX, Shell Command Language, 2.8.2)
NOT_FOUND = 127
# the exit status of coreutils' timeout
TOO_LATE = 124


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a program answered."""

    status: int
    output: str
    errors: str

    @property
    def ok(self) -> bool:
        """Whether the exit status is 0."""
        return self.status == 0

    def tail(self, lines: int = 20) -> str:
        """The last lines of both outputs: what a person needs to understand a failure."""
        text = "\n".join(part for part in (self.output.strip(), self.errors.strip()) if part)
        return "\n".join(text.splitlines()[-lines:])


def run(
    command: Sequence[str], *, deadline_s: float, environment: Mapping[str, str] | None = None
) -> Result:
    """Run a program to its end; a missing program or a missed deadline is a failed `Result`."""
    try:
        done = subprocess.run(
            list(command),
            capture_output=True,
            check=False,
            env=environment,
            errors="replace",
            text=True,
            timeout=deadline_s,
        )
    except FileNotFoundError:
        return Result(status=NOT_FOUND, output="", errors=f"{command[0]}: no such program")
    except subprocess.TimeoutExpired:
        return Result(
            status=TOO_LATE, output="", errors=f"{command[0]}: not done after {deadline_s:.0f} s"
        )
    return Result(status=done.returncode, output=done.stdout, errors=done.stderr)
