"""A lab leaves nothing on the machine: after `down`, after Ctrl-C, after kill -9."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from chatmail_lab import Lab
from chatmail_lab.state import state_directory

SCRIPT = Path(__file__).parents[2] / "scripts/lab"
WITHIN_S = 120


def _links() -> list[str]:
    return sorted(path.name for path in Path("/sys/class/net").iterdir())


def _traces(name: str) -> list[str]:
    """Return what a lab left: mounts, control groups, files, processes."""
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    groups = [
        path
        for top in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified")
        for path in Path(top).glob(f"chatmail-lab-{name}")
    ]
    files = [path for path in state_directory().glob(f"{name}*") if path.exists()]
    processes = [
        path.parent.name
        for path in Path("/proc").glob("[0-9]*/cgroup")
        if f"chatmail-lab-{name}/" in _read(path)
    ]
    return [*(m for m in mounts if f"/{name}/" in m), *map(str, [*groups, *files]), *processes]


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline, f"not within {WITHIN_S} s: {what}"
        time.sleep(0.05)


def _starting(lab: Lab) -> subprocess.Popen[bytes]:
    # a shell makes its background jobs ignore SIGINT; a terminal does not
    terminal = ["env", "--default-signal=INT"]
    command = [*terminal, str(SCRIPT), "--name", lab.directory.name, "up", "a.test"]
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, process_group=0
    )


def _reached(lab: Lab, stage: str) -> Callable[[], bool]:
    """Return a condition: the starting lab has reached this stage."""
    if stage == "namespaces":
        return lambda: lab.directory.keeper() is not None
    group = f"sys/fs/cgroup/chatmail-lab-{lab.directory.name}/relay11/payload"

    def booting() -> bool:
        keeper = lab.directory.keeper()
        return keeper is not None and (keeper.root / group).exists()

    return booting


def test_down_removes_everything(lab: Lab) -> None:
    """Interfaces, mounts, control groups, processes, files."""
    links = _links()
    lab.start(["a.test"])
    while_up = _links()
    lab.stop()

    assert links == while_up
    assert _traces(lab.directory.name) == []


@pytest.mark.parametrize("stage", ["namespaces", "booting"])
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_aborted_start_leaves_nothing_running(lab: Lab, stage: str, how: signal.Signals) -> None:
    """Files may stay; the next start or `down` deletes them."""
    process = _starting(lab)
    try:
        _until(_reached(lab, stage), f"the lab to reach {stage}")
        os.killpg(process.pid, how)
        process.wait(timeout=WITHIN_S)
    finally:
        process.kill()
        process.wait()

    assert process.returncode != 0
    _until(lambda: not lab.is_up(), "the namespaces to end")
    lab.stop()
    assert _traces(lab.directory.name) == []


def test_the_next_start_repairs_a_killed_lab(lab: Lab) -> None:
    """The process that keeps the namespaces is killed, and so are all hosts."""
    lab.start(["a.test"])
    os.kill(lab.state().keeper.pid, signal.SIGKILL)
    _until(lambda: not lab.is_up(), "the namespaces to end")
    lab.start(["a.test"])

    state = lab.relay("a.test").exec(["systemctl", "is-system-running"])
    assert state.stdout == "running\n"

    # a command on the client would keep its network namespace alive
    with subprocess.Popen(lab.command("client", ["sleep", "600"])) as command:
        _until(lambda: "sleep" in _read(Path(f"/proc/{command.pid}/comm")), "the command to run")
        lab.stop()
        ended = command.wait(timeout=WITHIN_S)

    assert ended == -signal.SIGKILL
