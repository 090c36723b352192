"""The files of the operator's flake; `UPDATE_GOLDEN=1 pytest` renews golden/."""

import os
import re
from pathlib import Path

import pytest
from machines import MACHINES, inspected

from chatmail_install import flake
from chatmail_install.cli import TEMPLATE
from chatmail_install.dns import Published
from chatmail_install.machine import Machine
from chatmail_install.plan import Plan, Request, make_plan

GOLDEN = Path(__file__).with_name("golden")


@pytest.fixture
def template() -> Path:
    """The template, in this checkout or in a build of the package."""
    return Path(os.environ.get("CHATMAIL_TEMPLATE", TEMPLATE))


def plan(text: str, contact: str | None = None) -> Plan:
    request = Request(domain="chat.ada.example", chatmail="github:ada/chatmail", contact=contact)
    return make_plan(Machine.parse(text), request, Published())


@pytest.mark.parametrize("name", MACHINES)
def test_the_files_are_those_of_golden(name: str, template: Path) -> None:
    """The flake's check `installed` evaluates them as NixOS machines."""
    contact = None if name == "bios-dhcp" else "ada@mail.example"
    files = flake.files(plan(MACHINES[name], contact), "root@203.0.113.5", template)

    folder = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in files.items():
            (folder / file).write_text(text)
    assert {file.name: file.read_text() for file in folder.iterdir()} == files


@pytest.mark.parametrize("name", MACHINES)
def test_hardware_and_layout_agree(name: str) -> None:
    """The file systems are on the partitions that disko labels."""
    made = plan(MACHINES[name])
    layout = flake.disk(made)
    mounted = dict(re.findall(r'fileSystems\."(.*)" = \{\s+device = "(.*)";', flake.hardware(made)))

    assert set(mounted) == set(re.findall(r'mountpoint = "(.*)";', layout))
    for device in mounted.values():
        partition = device.removeprefix("/dev/disk/by-partlabel/disk-main-")
        assert re.search(rf"\b{partition} = \{{", layout)


def test_strings_are_quoted() -> None:
    """Nix would evaluate a `${` in the comment of an ssh key."""
    key = 'ssh-ed25519 AAAA "${builtins.abort "no"}" \\'

    made = flake.quoted(key)

    assert made == '"ssh-ed25519 AAAA \\"\\${builtins.abort \\"no\\"}\\" \\\\"'


def test_another_template_is_an_error(tmp_path: Path) -> None:
    """A change of the template needs a change of this program."""
    (tmp_path / "flake.nix").write_text("{ }\n")

    with pytest.raises(flake.TemplateError, match="not exactly one"):
        flake.files(plan(inspected()), "root@203.0.113.5", tmp_path)


def test_every_mark_of_the_template_is_filled(tmp_path: Path, template: Path) -> None:
    """A new mark is an error."""
    text = (template / "flake.nix").read_text()
    (tmp_path / "flake.nix").write_text(f"{text}# -> something new\n")

    with pytest.raises(flake.TemplateError, match="not filled in"):
        flake.files(plan(inspected()), "root@203.0.113.5", tmp_path)
