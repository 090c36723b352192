"""Reconfiguring replaces programs and files of a running lab."""

import json
import subprocess
from pathlib import Path

import pytest
from chatmail_lab import Lab
from chatmail_lab.image.programs import PACKAGES

# maps all our libraries and changes a byte of each, as the loader relocates addresses;
# after a line on stdin says whether the changes are still there
MAPPING = """
import mmap, pathlib

def relocated(path):
    with path.open("rb") as file:
        library = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    library[0] ^= 0xFF
    return library

libraries = [relocated(path) for path in pathlib.Path("/usr/lib/chatmail").iterdir()]
before = [library[:] for library in libraries]
print(len(before) > 0, flush=True)
input()
print([library[:] for library in libraries] == before)
"""


def test_a_running_program_keeps_its_mapped_libraries(running: Lab) -> None:
    """Overwriting the file in place would replace relocated addresses, and crash the program."""
    # until now the libraries are in a layer that hosts share and that never changes
    _reconfigure_with_other_programs(running)
    with subprocess.Popen(
        running.command("a.test", ["python3", "-c", MAPPING]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        first = program.stdout.readline()
        assert first == "True\n", first + program.stdout.read()
        _reconfigure_with_other_programs(running)
        program.stdin.write("\n")
        program.stdin.close()
        assert program.stdout.read() == "True\n"
    assert program.returncode == 0


def _reconfigure_with_other_programs(lab: Lab) -> None:
    """As if the programs of the host were of another version; all of them are replaced."""
    saved = lab.directory.path / "files" / "a.test.json"
    saved.write_text(json.dumps(json.loads(saved.read_text()) | {PACKAGES: "another version"}))
    before = _replaced(lab)
    lab.reconfigure()
    assert before != _replaced(lab)


def _replaced(lab: Lab) -> str:
    """Return when a program was written; its inode may have the number of the old one."""
    return lab.relay("a.test").exec(["stat", "--format=%z", "/usr/bin/chatmaild"]).stdout


UNTOUCHED = ("dovecot", "nginx", "postfix", "unbound")
CHANGED = "chatmail-filter"
PUBLISHED = '{ services.chatmail.dkim.publishedSelectors = [ "next" ]; }'


def test_only_what_changed_is_restarted(running: Lab, tmp_path: Path) -> None:
    """As a switch of NixOS does: queues and open sessions are not disturbed."""
    config = tmp_path / "published.nix"
    config.write_text(PUBLISHED)
    before = _processes(running)
    running.reconfigure(config=config)
    after = _processes(running)

    assert {unit: after[unit] for unit in UNTOUCHED} == {unit: before[unit] for unit in UNTOUCHED}
    assert after[CHANGED] != before[CHANGED]


@pytest.mark.parametrize("unit", [*UNTOUCHED, CHANGED])
def test_a_stopped_unit_is_started(running: Lab, unit: str) -> None:
    """Whether its files changed or not."""
    relay = running.relay("a.test")
    relay.systemctl("stop", unit)
    running.reconfigure()
    assert relay.is_active(unit)


def _processes(lab: Lab) -> dict[str, str]:
    """Return the main process of each unit."""
    show = ["systemctl", "show", "--property=MainPID", "--value"]
    relay = lab.relay("a.test")
    return {unit: relay.exec([*show, unit]).stdout for unit in (*UNTOUCHED, CHANGED)}
