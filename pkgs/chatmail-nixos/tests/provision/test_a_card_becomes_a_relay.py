"""`apply_card` on a machine of files, with stand-ins for Nix."""

import json
import os
from pathlib import Path

import pytest

from chatmail_nixos.provision.apply import Places, apply_card
from chatmail_nixos.provision.status import Phase


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """A machine on which nix-build makes a system that writes its settings when activated."""
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
        card=tmp_path / "chatmail.toml",
        state=tmp_path / "run" / "state.json",
        lasting=tmp_path / "lasting",
        wifi=tmp_path / "iwd",
        running_system=tmp_path / "base",
        settings=tmp_path / "settings.json",
        profile=tmp_path / "profile",
    )


def script(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)


def test_a_missing_card_is_a_mistake(places: Places) -> None:
    """Told on the screen, not raised."""
    state = apply_card(places, program="/bin/true")

    assert state.phase is Phase.MISTAKES
    assert "missing" in state.sentences[0]


def test_a_card_becomes_a_relay(places: Places, tmp_path: Path) -> None:
    """The prepared system without a contact, switched to and kept for the next boot."""
    places.card.write_text('domain = "chat.ada.example"\nssh_key = "ssh-ed25519 AAAA"\n')

    state = apply_card(places, program="/bin/true")

    assert (state.phase, state.domain) == (Phase.RUNNING, "chat.ada.example")
    assert (tmp_path / "action").read_text() == "switch\n"
    assert 'specialisation/relay"' in (tmp_path / "expression").read_text()
    assert f"--set {tmp_path}/made" in (tmp_path / "nix-env").read_text()
    assert (places.lasting / "authorized_keys" / "root").read_text() == "ssh-ed25519 AAAA\n"


def test_the_wifi_is_joined_before_anything_else_can_fail(places: Places, tmp_path: Path) -> None:
    """A person can only help over the network; the password is readable by root alone."""
    script(tmp_path / "bin" / "nix-build", "echo disk full >&2; exit 1")
    places.card.write_text(
        'domain = "chat.ada.example"\n[wifi]\nname = "Lovelace"\npassword = "12345678"\n'
    )

    state = apply_card(places, program="/bin/true")

    assert (state.phase, state.sentences) == (Phase.FAILED, ("disk full",))
    assert (places.wifi / "Lovelace.psk").stat().st_mode & 0o777 == 0o600


def test_a_running_relay_is_left_alone(places: Places, tmp_path: Path) -> None:
    """The same card at the next boot changes nothing."""
    places.card.write_text('domain = "chat.ada.example"\n')
    settings = {"domain": "chat.ada.example", "contact": {"mail": None}}
    places.settings.write_text(json.dumps(settings))

    assert apply_card(places, program="/bin/true").phase is Phase.RUNNING
    assert not (tmp_path / "action").exists()


def test_a_new_contact_makes_a_new_relay(places: Places, tmp_path: Path) -> None:
    """The prepared system with a contact is another one."""
    settings = {"domain": "chat.ada.example", "contact": {"mail": None}}
    places.settings.write_text(json.dumps(settings))
    places.card.write_text('domain = "chat.ada.example"\ncontact = "ada@mail.example"\n')

    apply_card(places, program="/bin/true")

    expression = (tmp_path / "expression").read_text()
    assert "relay-with-contact" in expression
    assert '"--contact" "ada@mail.example"' in expression
