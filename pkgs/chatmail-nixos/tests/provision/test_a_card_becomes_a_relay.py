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
        cards=(tmp_path / "boot" / "chatmail.toml", tmp_path / "chatmail.toml"),
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
    assert all(str(card) in state.sentences[0] for card in places.cards)


def test_the_first_of_two_cards_is_read(places: Places) -> None:
    """What stands on the small partition goes before what cloud-init wrote."""
    places.cards[0].parent.mkdir()
    places.cards[0].write_text('domain = "chat.ada.example"\n')
    places.cards[1].write_text('domain = "chat.eve.example"\n')

    assert apply_card(places, program="/bin/true").domain == "chat.ada.example"


def test_a_mistake_names_its_file(places: Places) -> None:
    """There are two that it could be in."""
    places.cards[1].write_text('domain = "localhost"\n')

    state = apply_card(places, program="/bin/true")

    assert state.phase is Phase.MISTAKES
    assert state.sentences[0] == f"In {places.cards[1]}:"


def test_a_card_becomes_a_relay(places: Places, tmp_path: Path) -> None:
    """The prepared system without a contact, switched to and kept for the next boot."""
    places.cards[1].write_text('domain = "chat.ada.example"\nssh_key = "ssh-ed25519 AAAA"\n')

    state = apply_card(places, program="/bin/true")

    assert (state.phase, state.domain) == (Phase.RUNNING, "chat.ada.example")
    assert (tmp_path / "action").read_text() == "switch\n"
    assert 'specialisation/relay"' in (tmp_path / "expression").read_text()
    assert f"--set {tmp_path}/made" in (tmp_path / "nix-env").read_text()
    assert (places.lasting / "authorized_keys" / "root").read_text() == "ssh-ed25519 AAAA\n"


def test_the_wifi_is_joined_before_anything_else_can_fail(places: Places, tmp_path: Path) -> None:
    """A person can only help over the network; the password is readable by root alone."""
    script(tmp_path / "bin" / "nix-build", "echo disk full >&2; exit 1")
    places.cards[1].write_text(
        'domain = "chat.ada.example"\n[wifi]\nname = "Lovelace"\npassword = "12345678"\n'
    )

    state = apply_card(places, program="/bin/true")

    assert (state.phase, state.sentences) == (Phase.FAILED, ("disk full",))
    assert (places.wifi / "Lovelace.psk").stat().st_mode & 0o777 == 0o600


def test_a_running_relay_is_left_alone(places: Places, tmp_path: Path) -> None:
    """The same card at the next boot changes nothing."""
    places.cards[1].write_text('domain = "chat.ada.example"\n')
    settings = {"domain": "chat.ada.example", "contact": {"mail": None}}
    places.settings.write_text(json.dumps(settings))

    assert apply_card(places, program="/bin/true").phase is Phase.RUNNING
    assert not (tmp_path / "action").exists()


ADA = 'domain = "chat.ada.example"\n'
IS_ADA = """echo '{"domain": "chat.ada.example", "contact": {"mail": null}}'"""


def switching(tmp_path: Path, lines: str) -> None:
    """Let the made system do this when it is activated; $1 is switch or test."""
    script(tmp_path / "made" / "bin" / "switch-to-configuration", lines)


def test_services_that_cannot_start_yet_are_no_failure(places: Places, tmp_path: Path) -> None:
    """Without a network the certificate cannot be ordered."""
    switching(tmp_path, f"{IS_ADA} > {places.settings}; exit 4")
    places.cards[1].write_text(ADA)

    state = apply_card(places, program="/bin/true")

    assert (state.phase, state.sentences) == (Phase.RUNNING, ())


def test_a_boot_loader_that_cannot_be_written_stops_no_relay(
    places: Places, tmp_path: Path
) -> None:
    """The relay runs now, and the person is told."""
    switching(tmp_path, f"test $1 = test || exit 1; {IS_ADA} > {places.settings}")
    places.cards[1].write_text(ADA)

    state = apply_card(places, program="/bin/true")

    assert state.phase is Phase.RUNNING
    assert "boot loader" in state.sentences[0]


def test_a_switch_that_does_nothing_is_a_failure(places: Places, tmp_path: Path) -> None:
    """Nobody is told that the relay runs when it does not."""
    switching(tmp_path, "echo no room for $1 >&2; exit 1")
    places.cards[1].write_text(ADA)

    state = apply_card(places, program="/bin/true")

    assert (state.phase, state.sentences) == (Phase.FAILED, ("no room for switch",))


def test_a_new_contact_makes_a_new_relay(places: Places, tmp_path: Path) -> None:
    """The prepared system with a contact is another one."""
    settings = {"domain": "chat.ada.example", "contact": {"mail": None}}
    places.settings.write_text(json.dumps(settings))
    places.cards[1].write_text('domain = "chat.ada.example"\ncontact = "ada@mail.example"\n')

    apply_card(places, program="/bin/true")

    expression = (tmp_path / "expression").read_text()
    assert "relay-with-contact" in expression
    assert '"--contact" "ada@mail.example"' in expression
