"""The lab's exceptions.

LabError            an error that the user of the lab can repair
└── CommandError    a command that must succeed failed
"""

import subprocess

SHOWN_LINES = 15


class LabError(RuntimeError):
    """What went wrong and what to do next, in one sentence; a log excerpt may follow."""


class CommandError(LabError):
    """A command failed; `output` is everything that it printed, stderr first."""

    def __init__(self, command: str, done: subprocess.CompletedProcess[str]) -> None:
        self.output = f"{done.stderr}{done.stdout}".strip()
        self.returncode = done.returncode
        end = "\n".join(self.output.splitlines()[-SHOWN_LINES:])
        super().__init__(f"{command}: exit code {done.returncode}\n{end}")
