"""A command with a deadline: what hangs says where, and is ended with all that it started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

STACKS_S = 10  # for the stacks of a few processes, on a busy machine


def run(
    command: Sequence[str],
    *,
    directory: Path,
    environment: Mapping[str, str],
    deadline_s: float,
    capture: bool,
) -> tuple[int | None, str]:
    """Return the exit code, None for a command that hung, and with `capture` the output.

    pytest prints its stacks on SIGABRT (faulthandler).
    """
    with subprocess.Popen(
        command,
        cwd=directory,
        env=environment,
        stdout=subprocess.PIPE if capture else None,
        stderr=subprocess.STDOUT if capture else None,
        text=True,
        errors="replace",
    ) as process:
        try:
            output = _output(process, deadline_s)
        except subprocess.TimeoutExpired:
            return None, _stacks(process)
        except BaseException:
            _signal(_family(process.pid), signal.SIGKILL)
            raise
    return process.returncode, output


def _output(process: subprocess.Popen[str], deadline_s: float | None) -> str:
    return process.communicate(timeout=deadline_s)[0] or ""


def _stacks(process: subprocess.Popen[str]) -> str:
    """Ask all processes for their stacks, then end them; return what was printed."""
    family = _family(process.pid)
    _signal(family, signal.SIGABRT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        return _output(process, STACKS_S)
    _signal(family | _family(process.pid), signal.SIGKILL)
    return _output(process, None)


def _signal(processes: Iterable[int], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, number)


def _family(first: int) -> set[int]:
    """Return a process and all that descend from it (proc_pid_stat(5))."""
    parents = dict(_parents())
    family, before = {first}, set[int]()
    while family != before:
        before = set(family)
        family |= {process for process, parent in parents.items() if parent in before}
    return family


def _parents() -> Iterator[tuple[int, int]]:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended
            yield int(stat.parent.name), int(stat.read_text().rpartition(")")[2].split()[1])
