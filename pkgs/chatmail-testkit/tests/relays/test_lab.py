"""The lab is reached through the checkout that started this process."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatmail_testkit.relays.lab import LabTarget

# a lab that notes each question, and shows a new process as the first of the host
LAB = """#!/bin/sh
echo "$@" >> "$CHATMAIL_CHECKOUT/asked"
printf '["nsenter", "--target=%s", "--"]' "$(cat "$CHATMAIL_CHECKOUT/pid")"
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


def test_domain_literals() -> None:
    """Are reached at their IP address."""
    assert LabTarget(name="mine", relays=[]).host("[192.0.2.1]") == "192.0.2.1"


def test_a_client_has_no_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The way into its network is the same as long as the lab lives."""
    monkeypatch.setenv("CHATMAIL_CHECKOUT", str(tmp_path))
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/lab").write_text('#!/bin/sh\nprintf \'["ip", "netns"]\'\n')
    (tmp_path / "scripts/lab").chmod(0o755)
    lab = LabTarget(name=f"of {tmp_path}", relays=["a.test"])
    client = lab.machine("client")

    assert client.argv(("true",)) == ["ip", "netns", "true"]
