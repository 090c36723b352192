"""The Nix code in README.md and docs evaluates as configuration of a relay.

The flake's check `snippets` evaluates it with NixOS. It reads the files in tests/nixos/snippets,
which `UPDATE_GOLDEN=1 pytest tests/nix` updates.
"""

import os

import pytest
from chatmail_lab.image.chroot import path_in_image
from nixtest.relay import Describe
from nixtest.snippets import FOLDER, snippets

SNIPPETS = snippets()
KEPT = {"default.nix", "hardware-configuration.nix"}
# the modules that a flake defines for its machine
OF_FLAKE = """
let
  machine = (import {file}).outputs {{
    nixpkgs.lib.nixosSystem = given: given.modules;
    chatmail.nixosModules.default = {{ }};
  }};
in
{{ imports = builtins.filter builtins.isAttrs machine.nixosConfigurations.relay; }}
"""


def test_snippet_files_are_current() -> None:
    """A changed document needs updated files."""
    if os.environ.get("UPDATE_GOLDEN"):
        for file in FOLDER.glob("*.nix"):
            if file.name not in KEPT:
                file.unlink()
        for name, text in SNIPPETS.items():
            (FOLDER / name).write_text(text)

    found = {file.name: file.read_text() for file in FOLDER.glob("*.nix")}
    assert {name: found[name] for name in found.keys() - KEPT} == SNIPPETS


def test_snippets_are_found() -> None:
    """In README.md, and in pages of docs and of a folder there."""
    assert {"README-1.nix", "upkeep-1.nix", "raspberry-pi-1.nix"} <= SNIPPETS.keys()


@pytest.mark.parametrize("name", SNIPPETS)
def test_a_snippet_evaluates(describe: Describe, name: str) -> None:
    """As an operator's module, without a failed assertion."""
    text = SNIPPETS[name]
    operator = OF_FLAKE.format(file=path_in_image(FOLDER / name)) if "outputs =" in text else text

    assert describe(operator=operator).failures == []
