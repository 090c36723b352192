"""The lab is reached through the checkout that started this process."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatmail_testkit.relays.lab import LabTarget

# a lab that notes each question, and shows a new process as the first of the host
LAB = """#!/bin/sh
if [ "$3" = hosts ]; then echo '[]'; exit; fi
echo "$@" >> "$CHATMAIL_CHECKOUT/asked"
printf '["nsenter", "--target=%s", "--"]' "$(cat "$CHATMAIL_CHECKOUT/pid")"
"""
CLIENT = """#!/bin/sh
if [ "$3" = hosts ]; then echo '[]'; else echo '["ip", "netns"]'; fi
"""
CLUSTER = """#!/bin/sh
cat <<END
[{"name": "client", "domain": "client", "role": "all"},
 {"name": "front1.a.test", "domain": "a.test", "role": "front"},
 {"name": "store1.a.test", "domain": "a.test", "role": "store"},
 {"name": "b.test", "domain": "b.test", "role": "all"}]
END
"""


@contextlib.contextmanager
def _first_process(checkout: Path) -> Iterator[int]:
    with subprocess.Popen(["sleep", "60"]) as process:
        (checkout / "pid").write_text(str(process.pid))
        yield process.pid
        process.kill()


def test_the_lab_is_asked_once_for_each_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`scripts/lab` of CHATMAIL_CHECKOUT."""
    monkeypatch.setenv("CHATMAIL_CHECKOUT", str(tmp_path))
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/lab").write_text(LAB)
    (tmp_path / "scripts/lab").chmod(0o755)
    machine = LabTarget(name=f"of {tmp_path}", relays=["a.test"]).machine("a.test")
    asked = tmp_path / "asked"

    for starts in (1, 2):
        with _first_process(tmp_path) as pid:
            for _ in range(2):
                assert machine.argv(("true",)) == ["nsenter", f"--target={pid}", "--", "true"]
        assert asked.read_text() == f"--name of {tmp_path} argv a.test\n" * starts


def test_a_host_that_was_killed_has_no_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its first one may stay as a zombie until somebody asks how it ended."""
    monkeypatch.setenv("CHATMAIL_CHECKOUT", str(tmp_path))
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/lab").write_text(LAB)
    (tmp_path / "scripts/lab").chmod(0o755)
    machine = LabTarget(name=f"of {tmp_path}", relays=["a.test"]).machine("a.test")
    with _first_process(tmp_path) as pid:
        machine.argv(("true",))
        os.kill(pid, signal.SIGKILL)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        machine.argv(("true",))

    assert len((tmp_path / "asked").read_text().splitlines()) == 2


def test_domain_literals() -> None:
    """Are reached at their IP address."""
    assert LabTarget(name="mine", relays=[]).host("[192.0.2.1]") == "192.0.2.1"


def test_a_client_has_no_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The way into its network is the same as long as the lab lives."""
    monkeypatch.setenv("CHATMAIL_CHECKOUT", str(tmp_path))
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/lab").write_text(CLIENT)
    (tmp_path / "scripts/lab").chmod(0o755)
    lab = LabTarget(name=f"of {tmp_path}", relays=["a.test"])
    client = lab.machine("client")

    assert client.argv(("true",)) == ["ip", "netns", "true"]


def test_a_cluster_is_one_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its machines have names of their own, too."""
    monkeypatch.setenv("CHATMAIL_CHECKOUT", str(tmp_path))
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/lab").write_text(CLUSTER)
    (tmp_path / "scripts/lab").chmod(0o755)
    lab = LabTarget(name=f"of {tmp_path}", relays=["a.test", "b.test"])
    cluster = lab.machine("a.test")

    assert [one.host for one in cluster.fronts] == ["front1.a.test"]
    assert [one.host for one in cluster.stores] == ["store1.a.test"]
    assert lab.machine("store1.a.test") == cluster.stores[0]
    assert lab.machine("b.test").members == (lab.machine("b.test"),)
