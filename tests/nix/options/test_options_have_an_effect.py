"""Each option of services.chatmail changes the relay's files as tests/nix/effects.toml says.

Effects that only a NixOS machine has are in the flake's check `options`.
"""

import json
import pathlib
import tomllib
from collections.abc import Mapping
from typing import Any

import pytest
from chatmail_lab.description.evaluate import evaluate
from chatmail_lab.description.nix import evaluate_expression
from chatmail_lab.image.chroot import path_in_image
from nixtest.checkout import CHECKOUT
from nixtest.relay import DOMAIN, Relay

EFFECTS: Mapping[str, Mapping[str, Any]] = tomllib.loads(
    (CHECKOUT / "tests/nix/effects.toml").read_text()
)
# the names of all options in a tree of declarations
NAMES = """
  let
    names = prefix: tree: lib.concatMap (name:
      let path = prefix ++ [ name ]; node = tree.${name}; in
      if node ? _type then [ (lib.concatStringsSep "." path) ] else names path node
    ) (lib.attrNames tree);
  in names [ ]
"""


@pytest.fixture(scope="module")
def relays(root: pathlib.Path) -> dict[str, Relay]:
    """Option -> a relay with that option set; one evaluation for all."""
    given = {
        name: _values({name: one["value"]} | one.get("with", {})) for name, one in EFFECTS.items()
    }
    return {name: Relay(**relay) for name, relay in evaluate(root, given).items()}


@pytest.mark.parametrize("name", EFFECTS)
def test_an_option_has_its_effect(relays: dict[str, Relay], default: Relay, name: str) -> None:
    """`shows` is there with the option only, `hides` without it only."""
    relay, effect = relays[name], EFFECTS[name]
    shows, hides = effect.get("shows", []), effect.get("hides", [])

    assert relay.failures == []
    assert shows or hides
    for place, text in shows:
        assert text in _read(relay, place), place
        assert text not in _read(default, place), place
    for place, text in hides:
        assert text not in _read(relay, place), place
        assert text in _read(default, place), place


def test_every_option_has_a_case(root: pathlib.Path) -> None:
    """In effects.toml, or in tests/nixos/options/cases.nix."""
    declared = path_in_image(CHECKOUT / "modules/chatmail/options.nix")
    on_nixos = path_in_image(CHECKOUT / "tests/nixos/options/cases.nix")

    options = json.loads(
        evaluate_expression(root, f"({NAMES}) (import {declared} {{ inherit lib; }})")
    )
    cases = json.loads(
        evaluate_expression(root, f"lib.attrNames (import {on_nixos} {{ inherit lib; }})")
    )

    assert set(options) == {*EFFECTS, *(case for case in cases if case in options)}


def _values(options: Mapping[str, Any]) -> dict[str, Any]:
    """Values of services.chatmail from dotted names."""
    values: dict[str, Any] = {"enable": True, "domain": DOMAIN}
    for name, value in options.items():
        *sections, last = name.split(".")
        place = values
        for section in sections:
            place = place.setdefault(section, {})
        place[last] = value
    return values


def _read(relay: Relay, place: str) -> str:
    """The text of a file, or "" without the file; JSON with sorted keys."""
    if place == "zone":
        return json.dumps(relay.zone, sort_keys=True)
    if place == "pages":
        return json.dumps(relay.pages, sort_keys=True)
    text = relay.files().get(place, "")
    return (
        json.dumps(json.loads(text), sort_keys=True) if place.endswith(".json") and text else text
    )
