"""C programs of the simulation: compiled anew for each run, which takes a second."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

SOURCES: Final = Path(__file__).with_name("c")
# the same sums as Python: no fused multiply-add, and no reordering
FLAGS: Final = ("-std=c11", "-O3", "-march=native", "-ffp-contract=off", "-Wall", "-Wextra")


class NotCompiledError(Exception):
    """There is no C compiler, or it refused a source."""


@contextlib.contextmanager
def program(name: str) -> Iterator[Path]:
    """Compile `name`.c of this folder; the program is deleted at the end.

    Raises:
        NotCompiledError: without a compiler.
    """
    with tempfile.TemporaryDirectory() as folder:
        into = Path(folder) / name
        command = ["cc", *FLAGS, "-o", str(into), str(SOURCES / f"{name}.c"), "-lm"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError as error:
            raise NotCompiledError("install a C compiler, such as gcc and libc6-dev") from error
        if done.returncode != 0:
            raise NotCompiledError(done.stderr)
        yield into


@contextlib.contextmanager
def lines(command: Sequence[str | Path]) -> Iterator[Iterator[str]]:
    """Start a program; its output line by line. It is stopped if the body ends early."""
    with subprocess.Popen(
        [str(word) for word in command], stdout=subprocess.PIPE, text=True
    ) as run:
        if run.stdout is None:  # pragma: no cover - it is a pipe
            raise NotCompiledError("no output")
        try:
            yield iter(run.stdout)
        finally:
            run.terminate()
    if run.returncode not in (0, -15):
        raise NotCompiledError(f"{command[0]} ended with {run.returncode}")
