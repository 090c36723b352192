"""The machine is as it was: after `down`, after Ctrl-C, after kill -9 at any moment."""

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
WITHIN_S = 20


def _links() -> list[str]:
    return sorted(path.name for path in Path("/sys/class/net").iterdir())


def _traces(name: str) -> list[str]:
    """What a lab could have left on the machine."""
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
    # in a terminal Ctrl-C reaches the whole group; a shell's background jobs are made to ignore it
    terminal = ["env", "--default-signal=INT"]
    command = [*terminal, str(SCRIPT), "--name", lab.home.name, "up", "a.test"]
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, process_group=0
    )


def _reached(lab: Lab, stage: str) -> Callable[[], bool]:
    """Whether a lab that is starting has come so far."""
    if stage == "namespaces":
        return lambda: lab.home.holder() is not None
    group = f"sys/fs/cgroup/chatmail-lab-{lab.home.name}/relay11/payload"

    def booting() -> bool:
        holder = lab.home.holder()
        return holder is not None and (holder.view / group).exists()

    return booting


def test_down_removes_everything(lab: Lab) -> None:
    """Interfaces, mounts, groups, processes, files."""
    links = _links()
    lab.start(["a.test"])
    while_up = _links()
    lab.stop()

    assert links == while_up
    assert _traces(lab.home.name) == []


@pytest.mark.parametrize("stage", ["namespaces", "booting"])
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_nothing_runs_on_when_a_start_is_ended(lab: Lab, stage: str, how: signal.Signals) -> None:
    """Files may stay for the next start, or `down`, to remove."""
    process = _starting(lab)
    try:
        _until(_reached(lab, stage), f"the lab to reach {stage}")
        os.killpg(process.pid, how)
        process.wait(timeout=WITHIN_S)
    finally:
        process.kill()
        process.wait()

    assert process.returncode != 0
    _until(lambda: not lab.is_up(), "the holder to end")
    lab.stop()
    assert _traces(lab.home.name) == []


def test_the_next_start_repairs(lab: Lab) -> None:
    """After the holder was killed from outside, with all that it held."""
    lab.start(["a.test"])
    os.kill(lab.state().holder.pid, signal.SIGKILL)
    _until(lambda: not lab.is_up(), "the holder to end")
    lab.start(["a.test"])

    state = lab.relay("a.test").exec(["systemctl", "is-system-running"])
    assert state.stdout == "running\n"

    # commands of the client would keep its network alive
    with subprocess.Popen(lab.command("client", ["sleep", "600"])) as command:
        _until(lambda: "sleep" in _read(Path(f"/proc/{command.pid}/comm")), "the command to run")
        lab.stop()
        ended = command.wait(timeout=WITHIN_S)

    assert ended == -signal.SIGKILL
