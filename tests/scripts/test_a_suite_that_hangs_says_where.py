"""A suite that hangs fails with the stacks of its processes, and leaves none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from chatmail_testkit.waiting import wait_for
from checks.suites import Result, Suite

# a worker below a shell, as pytest below `scripts/lab exec`; it ignores what is no SIGABRT
SHELL = """
echo begun
"$0" -X faulthandler -c "$1"
"""
WORKER = """
import os, pathlib, signal, time

def waits_for_ever():
    pathlib.Path("worker").write_text(str(os.getpid()))
    time.sleep(1000)

signal.signal(signal.SIGTERM, signal.SIG_IGN)
waits_for_ever()
"""


def test_stacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The output so far comes first."""
    communicate = subprocess.Popen.communicate
    expired: list[float] = []

    def expires(
        self: subprocess.Popen[str], given: str | None = None, timeout: float | None = None
    ) -> tuple[str, str]:
        """The deadline is over when the worker waits."""
        if timeout is not None and not expired:
            expired.append(timeout)
            wait_for(lambda: _worker(tmp_path), "the worker")
            raise subprocess.TimeoutExpired(self.args, timeout)
        return communicate(self, given, timeout)

    monkeypatch.setattr(subprocess.Popen, "communicate", expires)
    command = ["/bin/sh", "-c", SHELL, sys.executable, WORKER]
    suite = Suite(title="hangs", command=command, directory=tmp_path, deadline_s=7)

    result, output = suite.run(capture=True)

    assert expired == [7]
    assert result == Result(failed=1)
    assert output.startswith("begun\n")
    assert "in waits_for_ever" in output
    assert output.endswith("not finished after 7 s\n")
    assert not Path("/proc", _worker(tmp_path), "exe").exists()


def test_the_exit_code(tmp_path: Path) -> None:
    """It is the result of a suite without a report."""
    for code in (0, 1):
        suite = Suite(title="x", command=["/bin/sh", "-c", f"exit {code}"], directory=tmp_path)
        assert suite.run(capture=True) == (Result(failed=code), "")


def _worker(directory: Path) -> str:
    file = directory / "worker"
    return file.read_text() if file.exists() else ""
