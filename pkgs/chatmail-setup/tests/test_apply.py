"""`apply` on a machine that is a directory, with fakes of Nix' programs."""

import json
import os
from pathlib import Path

import pytest

from chatmail_setup.apply import Places, apply
from chatmail_setup.state import Phase


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """A machine where nix-build makes a system that logs how it is activated."""
    programs = tmp_path / "bin"
    programs.mkdir()
    system = tmp_path / "made" / "bin" / "switch-to-configuration"
    system.parent.mkdir(parents=True)
    script(system, f'echo "$1" > {tmp_path}/action')
    script(programs / "nix-build", f'echo "$4" > {tmp_path}/expression; echo {tmp_path}/made')
    script(programs / "nix-env", f'echo "$*" > {tmp_path}/nix-env')
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    for name in ("relay", "relay-with-contact"):
        (tmp_path / "base" / "specialisation" / name).mkdir(parents=True)
    return Places(
        files=(tmp_path / "boot" / "chatmail.toml", tmp_path / "chatmail.toml"),
        state=tmp_path / "run" / "state.json",
        persistent=tmp_path / "persistent",
        wifi=tmp_path / "iwd",
        running_system=tmp_path / "base",
        settings=tmp_path / "settings.json",
        profile=tmp_path / "profile",
    )


def script(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)


def test_a_missing_file_is_a_mistake(places: Places) -> None:
    """The screen shows it; nothing is raised."""
    state = apply(places, program="/bin/true")

    assert state.phase is Phase.MISTAKES
    assert "missing" in state.sentences[0]
    assert all(str(file) in state.sentences[0] for file in places.files)


def test_the_first_of_two_files_is_read(places: Places) -> None:
    """The small partition comes before the file that cloud-init writes."""
    places.files[0].parent.mkdir()
    places.files[0].write_text('domain = "chat.ada.example"\n')
    places.files[1].write_text('domain = "chat.eve.example"\n')

    assert apply(places, program="/bin/true").domain == "chat.ada.example"


def test_a_mistake_names_its_file(places: Places) -> None:
    """It could be in either of two."""
    places.files[1].write_text('domain = "localhost"\n')

    state = apply(places, program="/bin/true")

    assert state.phase is Phase.MISTAKES
    assert state.sentences[0] == f"In {places.files[1]}:"


def test_the_file_becomes_a_relay(places: Places, tmp_path: Path) -> None:
    """The prepared system without a contact is activated, and booted from then on."""
    places.files[1].write_text('domain = "chat.ada.example"\nssh_key = "ssh-ed25519 AAAA"\n')

    state = apply(places, program="/bin/true")

    assert (state.phase, state.domain) == (Phase.RUNNING, "chat.ada.example")
    assert (tmp_path / "action").read_text() == "switch\n"
    assert 'specialisation/relay"' in (tmp_path / "expression").read_text()
    assert f"--set {tmp_path}/made" in (tmp_path / "nix-env").read_text()
    assert (places.persistent / "authorized_keys" / "root").read_text() == "ssh-ed25519 AAAA\n"


def test_the_wifi_is_joined_first(places: Places, tmp_path: Path) -> None:
    """A failed build can be repaired over the network. Only root can read the password."""
    script(tmp_path / "bin" / "nix-build", "echo disk full >&2; exit 1")
    places.files[1].write_text(
        'domain = "chat.ada.example"\n[wifi]\nname = "Lovelace"\npassword = "12345678"\n'
    )

    state = apply(places, program="/bin/true")

    assert (state.phase, state.sentences) == (Phase.FAILED, ("disk full",))
    assert (places.wifi / "Lovelace.psk").stat().st_mode & 0o777 == 0o600


def test_a_running_relay_is_not_changed(places: Places, tmp_path: Path) -> None:
    """The same file at the next boot changes nothing."""
    places.files[1].write_text('domain = "chat.ada.example"\n')
    settings = {"domain": "chat.ada.example", "contact": {"mail": None}}
    places.settings.write_text(json.dumps(settings))

    assert apply(places, program="/bin/true").phase is Phase.RUNNING
    assert not (tmp_path / "action").exists()


ADA = 'domain = "chat.ada.example"\n'
IS_ADA = """echo '{"domain": "chat.ada.example", "contact": {"mail": null}}'"""


def switching(tmp_path: Path, lines: str) -> None:
    """Set the script that activates the made system; $1 is switch or test."""
    script(tmp_path / "made" / "bin" / "switch-to-configuration", lines)


def test_a_service_that_cannot_start_yet_is_no_failure(places: Places, tmp_path: Path) -> None:
    """Without a network, the certificate cannot be ordered."""
    switching(tmp_path, f"{IS_ADA} > {places.settings}; exit 4")
    places.files[1].write_text(ADA)

    state = apply(places, program="/bin/true")

    assert (state.phase, state.sentences) == (Phase.RUNNING, ())


def test_a_relay_runs_without_its_boot_loader(places: Places, tmp_path: Path) -> None:
    """The screen says so."""
    switching(tmp_path, f"test $1 = test || exit 1; {IS_ADA} > {places.settings}")
    places.files[1].write_text(ADA)

    state = apply(places, program="/bin/true")

    assert state.phase is Phase.RUNNING
    assert "boot loader" in state.sentences[0]


def test_a_failed_activation_is_a_failure(places: Places, tmp_path: Path) -> None:
    """The screen does not say that the relay runs."""
    switching(tmp_path, "echo no room for $1 >&2; exit 1")
    places.files[1].write_text(ADA)

    state = apply(places, program="/bin/true")

    assert (state.phase, state.sentences) == (Phase.FAILED, ("no room for switch",))


def test_a_new_contact_makes_a_new_relay(places: Places, tmp_path: Path) -> None:
    """There is a prepared system with a contact, and one without."""
    settings = {"domain": "chat.ada.example", "contact": {"mail": None}}
    places.settings.write_text(json.dumps(settings))
    places.files[1].write_text('domain = "chat.ada.example"\ncontact = "ada@mail.example"\n')

    apply(places, program="/bin/true")

    expression = (tmp_path / "expression").read_text()
    assert "relay-with-contact" in expression
    assert '"--contact" "ada@mail.example"' in expression
