"""A command with a deadline; what hangs is ended with all its processes, and described."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path


class HangsError(Exception):
    """A command did not end; the text says where each process was, and what was printed."""


def run(
    argv: Sequence[str], *, stdin: bytes, timeout_s: float
) -> subprocess.CompletedProcess[bytes]:
    """Returns the exit code and the output of a command.

    It has a process group of its own: nsenter(1) would leave its child behind.

    Raises:
        HangsError: it did not end within `timeout_s`.
    """
    with subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        process_group=0,
    ) as process:
        try:
            out, err = process.communicate(stdin, timeout=timeout_s)
        except BaseException as error:
            where = "\n".join(_processes(process.pid))
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            shown = (out + err).decode(errors="replace").strip()
            raise HangsError(f"not finished after {timeout_s:g} s\n{where}\n{shown}") from None
    return subprocess.CompletedProcess(argv, process.returncode, out, err)


def _processes(group: int) -> Iterator[str]:
    """Gives a line for each process of a group: is it busy, or what does it wait for?"""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = stat.read_text().partition("(")[2].rpartition(")")
            fields = rest.split()
            if int(fields[2]) != group:
                continue
            used_s = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
            waits = (stat.parent / "wchan").read_text().strip("0") or "-"
        except OSError:  # it has ended
            continue
        yield f"{name}: state {fields[0]}, {used_s:.1f} s of CPU time, waits in {waits}"
