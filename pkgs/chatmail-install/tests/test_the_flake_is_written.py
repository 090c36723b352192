"""The operator's flake, file by file. `UPDATE_GOLDEN=1 pytest` writes golden/ anew."""

import os
import re
from pathlib import Path

import pytest
from looks import MACHINES, look

from chatmail_install import flake
from chatmail_install.cli import TEMPLATE
from chatmail_install.dns import Published
from chatmail_install.machine import Machine
from chatmail_install.plan import Plan, Wish, make_plan

GOLDEN = Path(__file__).with_name("golden")


@pytest.fixture
def template() -> Path:
    """The repository's template, also where the package is built."""
    return Path(os.environ.get("CHATMAIL_TEMPLATE", TEMPLATE))


def plan(text: str, contact: str | None = None) -> Plan:
    wish = Wish(domain="chat.ada.example", chatmail="github:ada/chatmail", contact=contact)
    return make_plan(Machine.parse(text), wish, Published())


@pytest.mark.parametrize("name", MACHINES)
def test_the_files_are_as_expected(name: str, template: Path) -> None:
    """The check `installed` of the flake evaluates them as a NixOS machine."""
    contact = None if name == "bios-dhcp" else "ada@mail.example"
    files = flake.files(plan(MACHINES[name], contact), "root@203.0.113.5", template)

    folder = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in files.items():
            (folder / file).write_text(text)
    assert {file.name: file.read_text() for file in folder.iterdir()} == files


@pytest.mark.parametrize("name", MACHINES)
def test_file_systems_are_those_of_the_layout(name: str) -> None:
    """disko names partitions after disk and partition; both files must agree."""
    made = plan(MACHINES[name])
    layout = flake.disk(made)
    mounted = dict(re.findall(r'fileSystems\."(.*)" = \{\s+device = "(.*)";', flake.hardware(made)))

    assert set(mounted) == set(re.findall(r'mountpoint = "(.*)";', layout))
    for device in mounted.values():
        partition = device.removeprefix("/dev/disk/by-partlabel/disk-main-")
        assert re.search(rf"\b{partition} = \{{", layout)


def test_strange_texts_stay_texts() -> None:
    """A key's comment is what a person wrote, and Nix would read `${`."""
    key = 'ssh-ed25519 AAAA "${builtins.abort "no"}" \\'

    made = flake._quoted(key)

    assert made == '"ssh-ed25519 AAAA \\"\\${builtins.abort \\"no\\"}\\" \\\\"'


def test_another_template_is_an_error(tmp_path: Path) -> None:
    """Whoever changes the template changes this program."""
    (tmp_path / "flake.nix").write_text("{ }\n")

    with pytest.raises(flake.TemplateError, match="not exactly one"):
        flake.files(plan(look()), "root@203.0.113.5", tmp_path)


def test_every_place_of_the_template_is_filled_in(tmp_path: Path, template: Path) -> None:
    """A new one is noticed."""
    text = (template / "flake.nix").read_text()
    (tmp_path / "flake.nix").write_text(f"{text}# -> something new\n")

    with pytest.raises(flake.TemplateError, match="not filled in"):
        flake.files(plan(look()), "root@203.0.113.5", tmp_path)
