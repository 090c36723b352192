"""Pure pieces: progress, tables, launchers, memory of a lab."""

import os
import subprocess
from pathlib import Path

import pytest

from chatmail_lab.container import is_init
from chatmail_lab.errors import LabError
from chatmail_lab.evaluate import default_values
from chatmail_lab.holder import Holder
from chatmail_lab.plan import plan_hosts
from chatmail_lab.programs import launchers
from chatmail_lab.root import PACKAGES, is_step, root_name
from chatmail_lab.state import Home, State
from chatmail_lab.table import columns, duration, size


def test_a_state_survives_being_written() -> None:
    """What is read is what was saved."""
    state = State(
        holder=Holder(pid=7, started="8"),
        hosts=plan_hosts(["a.test"]),
        root="/root",
        started_s=1.5,
        config="/operator.nix",
    )

    assert state == State.from_json(state.to_json())


@pytest.mark.parametrize("name", ["", "A", "../x", "a b", "x" * 32])
def test_a_lab_s_name_is_a_plain_file_name(name: str) -> None:
    """It becomes a directory."""
    with pytest.raises(LabError, match="cannot name a lab"):
        Home.of(name)


def test_the_root_s_name_tells_its_content() -> None:
    """Another recipe is another root; no package is listed twice."""
    assert root_name().startswith("root-")
    assert len(set(PACKAGES)) == len(PACKAGES)


def test_progress_counts_packages() -> None:
    """Downloaded, unpacked, configured."""
    lines = ["Get:1 http://x", "Unpacking a (1) ...", "Setting up a (1) ...", "Processing triggers"]

    assert [is_step(line) for line in lines] == [True, True, True, False]


def test_commands_of_a_package_become_programs() -> None:
    """With the metadata that tells its version."""
    files = {
        file.path: file
        for file in launchers(
            '[project]\nname = "chat-x"\nscripts.tool = "chat_x.cli:main"\n', "1.2"
        )
    }

    assert files["/usr/bin/tool"].mode == 0o755
    assert b"from chat_x.cli import main" in files["/usr/bin/tool"].content
    metadata = "/usr/lib/python3/dist-packages/chat_x-1.2.dist-info/METADATA"
    assert b"Version: 1.2\n" in files[metadata].content


def test_relays_without_a_public_name_make_their_own_certificate() -> None:
    """The others are given one."""
    assert "tls" in default_values("a.test")
    assert "tls" not in default_values("_a.test")
    assert "tls" not in default_values("192.0.2.1")


def test_tables_are_aligned() -> None:
    """And end without spaces."""
    assert columns([("a", "bb"), ("ccc", "d")]) == "a    bb\nccc  d"


def test_figures_are_readable() -> None:
    """Time spans and sizes."""
    assert [duration(5), duration(123), duration(3725)] == ["5 s", "2 min 3 s", "1 h 2 min"]
    assert size(3 * 1048576) == "3 MiB"


def test_the_first_process_of_a_namespace_is_known() -> None:
    """Numbers say nothing about it: they begin again at their end."""
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
