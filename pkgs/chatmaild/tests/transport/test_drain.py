"""Process groups like Postfix': a master, and programs that it started."""

import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from chatmaild.cli import group
from chatmaild.transport.drain import BUSY, drain

from ..waiting import DEADLINE_S

Starter = Callable[[str], "subprocess.Popen[bytes]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starter]:
    """Starts a program of some name; all are in the process group of the first one."""
    started: list[subprocess.Popen[bytes]] = []

    def starter(name: str) -> subprocess.Popen[bytes]:
        leader = started[0].pid if started else 0
        program = _program(tmp_path, name)
        started.append(subprocess.Popen([program], stdin=subprocess.PIPE, process_group=leader))
        return started[-1]

    yield starter
    for process in started:
        process.kill()
        process.communicate()


def _program(directory: Path, name: str) -> Path:
    """Something with that name that runs until it is ended: it waits for a line."""
    program = directory / name
    program.write_text("#!/bin/sh\nread -r line\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize("name", sorted(BUSY))
def test_a_message_on_its_way_is_waited_for(name: str, start: Starter) -> None:
    """The master is gone at once, the end comes with the message's."""
    master, busy = start("master"), start(name)
    drained: list[bool] = []
    draining = threading.Thread(target=lambda: drained.append(drain(master.pid, DEADLINE_S)))
    draining.start()

    assert master.wait(timeout=DEADLINE_S) == -signal.SIGKILL
    assert busy.poll() is None
    assert draining.is_alive()
    busy.terminate()  # nobody waits for it, so it stays a zombie
    draining.join(timeout=DEADLINE_S)
    assert drained == [True]


def test_a_session_is_not_waited_for(start: Starter) -> None:
    """Clients stay connected for hours."""
    master, session = start("master"), start("smtpd")

    assert drain(master.pid, DEADLINE_S)
    assert session.poll() is None


def test_what_takes_too_long_is_given_up(start: Starter) -> None:
    """It is said, and no error: systemd ends it."""
    master, stuck = start("master"), start("lmtp")

    assert not drain(master.pid, patience_s=0.1)
    assert stuck.poll() is None


def test_other_process_groups_do_not_matter(start: Starter, tmp_path: Path) -> None:
    """Another machine's Postfix, seen from outside of its container."""
    master = start("master")
    program = _program(tmp_path, "smtp")
    with subprocess.Popen([program], stdin=subprocess.PIPE, start_new_session=True) as other:
        try:
            assert drain(master.pid, DEADLINE_S)
        finally:
            other.kill()


def test_a_master_that_is_gone_leaves_nothing_to_do(start: Starter) -> None:
    """It crashed: systemd names none, or one that has just ended."""
    master = start("master")
    master.kill()
    master.wait()

    assert drain(master.pid, DEADLINE_S)
    assert CliRunner().invoke(group, ["drain-postfix"], env={"MAINPID": None}).exit_code == 0


def test_systemd_names_the_master(start: Starter) -> None:
    """In the environment of `ExecStop=` (systemd.service(5))."""
    master = start("master")
    done = CliRunner().invoke(group, ["drain-postfix"], env={"MAINPID": str(master.pid)})

    assert (done.exit_code, done.output) == (0, "")
    assert master.wait(timeout=DEADLINE_S) == -signal.SIGKILL
