"""A command that does not end is ended, and the error says where it was."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from chatmail_testkit import hanging
from chatmail_testkit.waiting import wait_for

ENDLESS = """
echo out; echo err >&2
sleep 1000 &
echo $! > child
wait
"""


def test_a_command_that_ends() -> None:
    """Its exit code and output are returned."""
    done = hanging.run(["/bin/sh", "-c", "cat; exit 3"], stdin=b"hello", timeout_s=60)

    assert (done.returncode, done.stdout, done.stderr) == (3, b"hello", b"")


def test_a_command_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it printed, and a line for each process, also its children; none is left."""
    monkeypatch.chdir(tmp_path)
    communicate = subprocess.Popen.communicate

    def expires(
        self: subprocess.Popen[bytes], given: bytes | None = None, timeout: float | None = None
    ) -> Any:
        if timeout is None:
            return communicate(self, given)
        wait_for(lambda: _name(tmp_path / "child") == "sleep", "the child")
        raise subprocess.TimeoutExpired(self.args, timeout)

    monkeypatch.setattr(subprocess.Popen, "communicate", expires)
    with pytest.raises(hanging.HangsError, match=r"not finished after 7 s\n") as raised:
        hanging.run(["/bin/sh", "-c", ENDLESS], stdin=b"", timeout_s=7)

    assert re.search(r"\nsleep: state ., 0\.\d s of CPU time, waits in ", str(raised.value))
    assert str(raised.value).endswith("out\nerr")
    wait_for(lambda: _name(tmp_path / "child") is None, "the end of the child")


def _name(file: Path) -> str | None:
    """The name of the process whose number is in a file; none of a dead one."""
    try:
        process = Path("/proc", file.read_text().strip())
        return process.joinpath("comm").read_text().strip() if _lives(process) else None
    except OSError:
        return None


def _lives(process: Path) -> bool:
    """Whether it is no zombie, which nobody may reap in a sandbox."""
    return process.joinpath("stat").read_text().rpartition(")")[2].split()[0] != "Z"
