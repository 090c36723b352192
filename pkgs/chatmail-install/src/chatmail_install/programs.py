"""Runs other programs: ssh, git, nix, disko, nixos-anywhere."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

NIX = ("nix", "--extra-experimental-features", "nix-command flakes")


class ProgramError(RuntimeError):
    """A program failed; the text has its name and the end of its output."""


def run(
    command: Sequence[str],
    *,
    deadline_s: float,
    given: str = "",
    directory: Path | None = None,
    variables: Mapping[str, str] | None = None,
) -> str:
    """Run a program and return its standard output.

    Raises:
        ProgramError: the program is missing, failed, or did not end in time.
    """
    try:
        done = subprocess.run(
            list(command),
            input=given,
            capture_output=True,
            check=False,
            cwd=directory,
            env=variables,
            errors="replace",
            text=True,
            timeout=deadline_s,
        )
    except FileNotFoundError as error:
        raise ProgramError(f"{command[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise ProgramError(f"{command[0]} did not end within {deadline_s:.0f} s") from error
    if done.returncode != 0:
        end = "\n".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-20:])
        raise ProgramError(f"{command[0]}: exit status {done.returncode}\n{end}")
    return done.stdout


def run_in_terminal(command: Sequence[str]) -> int:
    """Run a program in the operator's terminal and return its exit status.

    Raises:
        ProgramError: the program is missing.
    """
    try:
        return subprocess.run(list(command), check=False).returncode
    except FileNotFoundError as error:
        raise ProgramError(f"{command[0]} is not installed") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Ssh:
    """The ssh connection to the machine; an unknown host key is accepted and stored."""

    target: str
    port: int = 22
    identity: Path | None = None
    options: tuple[str, ...] = field(
        default=(
            *("-o", "BatchMode=yes"),
            *("-o", "ConnectTimeout=10"),
            *("-o", "StrictHostKeyChecking=accept-new"),
        )
    )

    @property
    def host(self) -> str:
        """The machine's name or IP address."""
        return self.target.rpartition("@")[2].strip("[]")

    def command(self, *words: str) -> list[str]:
        """The command line that runs `words` on the machine."""
        identity = [] if self.identity is None else ["-i", str(self.identity)]
        port = ["-p", str(self.port)]
        return ["ssh", *self.options, *port, *identity, self.target, "--", *words]
