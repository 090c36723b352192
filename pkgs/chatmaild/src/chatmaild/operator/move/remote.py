"""Programs on the new machine by ssh, and copies to it by rsync over ssh."""

import json
import os
import shlex
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from chatmaild.errors import ChatmaildError
from chatmaild.operator.move.trees import Tree

# no questions, as nobody may be there to answer them; a dead connection ends after 30 s
_SSH: Final = (
    *("ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "LogLevel=ERROR"),
    *("-o", "ServerAliveInterval=10", "-o", "ServerAliveCountMax=3"),
)
_RSYNC: Final = (
    *("rsync", "--archive", "--hard-links", "--timeout=60"),
    # names of users, not numbers; nanoseconds, not seconds (rsync(1), --modify-window)
    "--modify-window=-1",
    f"--rsh={' '.join(_SSH)}",
)
# rsync(1), EXIT VALUES: files of a running relay vanish
_VANISHED: Final = 24
_RSYNC_ERRORS: Final = {
    11: "it cannot read or write a file, or the disk is full",
    12: "the connection broke, or rsync is missing on the new machine",
    23: "some files were not copied",
    24: "files vanished",
    30: "the connection was silent for a minute",
    255: "ssh failed",
}
# `chatmail receive` reads all names of files; a million take some ten seconds
DEADLINE_S: Final = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A program that ended."""

    code: int
    stdout: str
    stderr: str


# arguments, standard input, and seconds until it is killed (None: never)
Run = Callable[[Sequence[str], bytes, float | None], Done]


def run_program(command: Sequence[str], stdin: bytes, timeout_s: float | None) -> Done:
    """Run a program to its end.

    Raises:
        ChatmaildError: it is not installed, or takes too long.
    """
    try:
        done = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            check=False,
            timeout=timeout_s,
            # Ctrl-C is for us alone: a program that is stopped in the middle says nothing
            start_new_session=True,
            close_fds=False,  # the lock, see state.py
        )
    except FileNotFoundError as error:
        raise ChatmaildError(f"{command[0]} is not installed here") from error
    except subprocess.TimeoutExpired as error:
        raise ChatmaildError(f"{command[0]} took more than {timeout_s:.0f} s") from error
    return Done(
        code=done.returncode,
        stdout=done.stdout.decode(errors="replace"),
        stderr=done.stderr.decode(errors="replace"),
    )


class Remote:
    """The new machine."""

    def __init__(self, target: str, run: Run = run_program) -> None:
        self.target = target
        self._run = run

    def receive(self, action: str, *arguments: str) -> Any:
        """Run `chatmail receive ACTION` there, and return the JSON that it prints.

        Raises:
            ChatmaildError: ssh or the command fails; with what it says.
        """
        return self.chatmail("receive", action, *arguments)

    def chatmail(self, *arguments: str, may_fail: bool = False) -> Any:
        """Run `chatmail` there, and return the JSON that it prints; `may_fail`: exit code 1, too.

        Raises:
            ChatmaildError: ssh or the command fails; with what it says.
        """
        command = shlex.join(["chatmail", *arguments])
        done = self._run([*_SSH, "--", self.target, command], b"", DEADLINE_S)
        if done.code and not (may_fail and done.code == 1):
            lines = done.stderr.strip().splitlines() or [f"exit code {done.code}"]
            said = lines[-1].removeprefix("error: ")
            hint = f"; try: ssh {self.target} true" if done.code == 255 else ""
            raise ChatmaildError(f"{self.target}: {said}{hint}")
        try:
            return json.loads(done.stdout)
        except ValueError as error:
            raise ChatmaildError(
                f"{self.target}: `chatmail {arguments[0]}` prints no JSON"
            ) from error

    def copy(self, tree: Tree, *, is_running: bool = False) -> None:
        """Make a tree there as it is here; `is_running`: files may vanish meanwhile.

        Raises:
            ChatmaildError: rsync fails. Its messages are not shown: they have names of files.
        """
        source = tree.path if tree.is_file else f"{tree.path}/"
        options = [*(["--delete"] if tree.is_still else []), *tree.filters]
        self._rsync([*options, "--", source, f"{self._host}:{source}"], b"", is_running)

    def copy_files(self, tree: Tree, names: Iterable[str], *, is_running: bool = False) -> None:
        """Copy some files of a tree, even if size and time are the same on both machines.

        `is_running`: some may be gone.

        Raises:
            ChatmaildError: as `copy`.
        """
        listed = b"".join(os.fsencode(name) + b"\0" for name in names)
        if not listed:
            return
        source = f"{tree.path}/"
        missing = ["--ignore-missing-args"] if is_running else []
        options = ["--ignore-times", "--from0", "--files-from=-", *missing]
        self._rsync([*options, "--", source, f"{self._host}:{source}"], listed, is_running)

    @property
    def _host(self) -> str:
        """The target as rsync reads it: an IPv6 address has brackets."""
        user, at, host = self.target.rpartition("@")
        return f"{user}{at}[{host}]" if ":" in host else self.target

    def _rsync(self, arguments: Sequence[str], stdin: bytes, is_running: bool) -> None:
        done = self._run([*_RSYNC, *arguments], stdin, None)
        if done.code == 0 or (is_running and done.code == _VANISHED):
            return
        reason = _RSYNC_ERRORS.get(done.code, "see EXIT VALUES in rsync(1)")
        raise ChatmaildError(f"rsync ended with code {done.code}: {reason}")
