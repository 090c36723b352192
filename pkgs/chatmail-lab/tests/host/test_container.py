"""The processes of a container."""

import os
import subprocess
from pathlib import Path

import pytest

from chatmail_lab import LabError
from chatmail_lab.host.container import Container, is_init
from chatmail_lab.machine.namespaces import NamespaceKeeper
from chatmail_lab.plan import plan_hosts


def test_the_first_process_of_a_pid_namespace_is_init() -> None:
    """The smallest number is not enough: process numbers wrap around."""
    shell = "echo ready; read over"
    command = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "/bin/sh", "-c", shell]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as outside:
        assert outside.stdout is not None
        assert outside.stdout.readline() == b"ready\n"
        children = Path(f"/proc/{outside.pid}/task/{outside.pid}/children").read_text()
        found = [is_init(pid) for pid in (*children.split(), str(outside.pid), "no such process")]
        outside.communicate(b"\n")

    assert found == [True, False, False]
    assert not is_init(str(os.getpid()))


def test_nobody_waits_for_the_boot_of_a_killed_lab(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C kills the lab while threads wait for its hosts; they give up at once."""
    relay = next(host for host in plan_hosts(["a.test"], []) if host.kind == "relay")
    with subprocess.Popen(["true"]) as process:
        process.wait()
    dead = NamespaceKeeper(pid=process.pid, started="1")
    container = Container(lab="killed", host=relay, keeper=dead, mount_point=tmp_path)
    monkeypatch.setattr("time.sleep", lambda _: pytest.fail("waits"))

    with pytest.raises(LabError, match="the lab was stopped"):
        container.wait_for_init()
