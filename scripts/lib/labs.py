"""Starts and stops labs, and runs commands on their hosts."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
LAB = CHECKOUT / "scripts" / "lab"
# a lab that starts keeps two cores busy: several at once would only be slower
_STARTING = threading.Lock()


class LabFailedError(RuntimeError):
    """A lab did not start, or a command on a host failed."""


@contextmanager
def lab(
    name: str,
    relays: Sequence[str],
    config: Path | None = None,
    *,
    classics: Sequence[str] = (),
    disk: str | None = None,
) -> Iterator[None]:
    """Start relays, run the body, and always take the relays down.

    `classics` are domains of classic mail servers, `disk` is the size of each host's disk (400M).

    Raises:
        LabFailedError: they did not start.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        up(name, relays, config, classics=classics, disk=disk)
        yield
    finally:
        down(name)


def up(
    name: str,
    relays: Sequence[str],
    config: Path | None = None,
    *,
    classics: Sequence[str] = (),
    disk: str | None = None,
    is_shown: bool = True,
) -> None:
    """Start hosts; show the progress, or only an error. Labs start one after the other.

    Raises:
        LabFailedError: they did not start.
    """
    options = [
        *(["--config", str(config)] if config else []),
        *(["--disk", disk] if disk else []),
        *(f"--classic={classic}" for classic in classics),
    ]
    with _STARTING:
        done = subprocess.run(
            [LAB, "--name", name, "up", *options, *relays],
            check=False,
            stdout=None if is_shown else subprocess.PIPE,
            stderr=None if is_shown else subprocess.STDOUT,
            text=True,
        )
    if done.returncode:
        raise LabFailedError("\n".join([f"lab {name} did not come up", done.stdout or ""]).strip())


def down(name: str) -> None:
    """Take a lab down, if it is up."""
    subprocess.run([LAB, "--name", name, "down"], check=False, stdout=subprocess.DEVNULL)


def inside(name: str, host: str, *command: str) -> list[str]:
    """Return the command line that runs `command` on a host of a lab."""
    return [str(LAB), "--name", name, "exec", host, *command]


def output(name: str, host: str, *command: str, stdin: str = "", timeout_s: float = 60) -> str:
    """Return the output of a command on a host.

    Raises:
        LabFailedError: its exit code is not 0.
    """
    done = subprocess.run(
        inside(name, host, *command),
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
    )
    if done.returncode:
        raise LabFailedError(f"{host}: {' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def python(name: str, *arguments: str) -> list[str]:
    """Return the command line that runs this Python in the network of a lab's client."""
    return inside(name, "client", sys.executable, *arguments)
