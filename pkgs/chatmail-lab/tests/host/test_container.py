"""The processes of a container."""

import os
import subprocess
from pathlib import Path

from chatmail_lab.host.container import is_init


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
