"""Types commands into one shell of a relay, and reads what each printed."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from chatmail_testkit.relays.target import Machine

from handbook.commands import Command, entry, shows
from handbook.known import BEFORE, ENDLESS

_STOPPED: Final = 124  # timeout(1)
_SESSION_S: Final = 200
_NOT_ENDED: Final = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """A command, its output and its exit code."""

    command: Command
    code: int
    output: str
    shown: tuple[str, ...]

    @property
    def fault(self) -> str:
        """What is wrong, or nothing."""
        wrong = ""
        if self.code not in ((0, _STOPPED) if _stopped_after_s(self.command) else (0,)):
            wrong = f"exit code {self.code}; if it cannot run here, see tests/e2e/handbook/known.py"
        elif self.shown and not shows(self.output, self.shown):
            wrong = "prints something else than the page shows"
        return wrong and f"{self.command.place}\n{wrong}:\n{self.output}"


def typed(machine: Machine, commands: Sequence[Command], names: Mapping[str, str]) -> list[Typed]:
    """Run commands one after the other, in an empty directory that is deleted afterwards.

    Args:
        names: what the pages call things -> what they are called here.
    """
    end = f"end-{secrets.token_hex(8)}"
    lines = ["cd $(mktemp -d)", *(_line(command, end) for command in commands), "rm -rf $PWD"]
    script = _renamed("\n".join(lines), names).encode()
    shell = ("sh", "-c", f"timeout {_SESSION_S} bash -s || true")
    printed = machine.run(*shell, stdin=script, timeout_s=_SESSION_S + 10)
    outputs = re.findall(rf"(?s)(.*?)\n{end} ([0-9]+)\n", printed)
    if len(outputs) < len(commands):
        outputs.append(("it did not end, or it ended the shell", _NOT_ENDED))
    return [
        Typed(
            command=command,
            output=output,
            code=int(code),
            shown=tuple(_renamed(line, names) for line in command.shown),
        )
        for command, (output, code) in zip(commands, outputs, strict=False)
    ]


def _line(command: Command, end: str) -> str:
    """The shell's input: answers yes, and prints the exit code after the output."""
    before = BEFORE.get(entry(command.text, BEFORE) or "", ":")
    seconds = _stopped_after_s(command)
    stop = f"timeout --signal=INT {seconds} " if seconds else ""
    return f"{before} >&2\n{{\n{stop}{command.text}\n}} 2>&1 <<<y\nprintf '\\n{end} %s\\n' $?"


def _stopped_after_s(command: Command) -> int:
    """Seconds, or 0 for a command that ends by itself."""
    return max(ENDLESS.get(word, 0) for word in command.text.split())


def _renamed(text: str, names: Mapping[str, str]) -> str:
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(name, names[name])
    return text
