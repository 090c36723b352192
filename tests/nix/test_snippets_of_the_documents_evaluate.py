"""What README.md and docs tell operators to write is Nix, and the relay takes it.

The flake's check `snippets` asks the same of a whole NixOS; it reads the files in
tests/nixos/snippets, which `UPDATE_GOLDEN=1 pytest tests/nix` writes anew.
"""

import os

import pytest
from chatmail_lab.image.chroot import path_in_image
from nixtest.relay import Describe
from nixtest.snippets import FOLDER, snippets

SNIPPETS = snippets()
KEPT = {"default.nix", "hardware-configuration.nix"}
# the modules of a flake's machine, as far as they are written in it
OF_FLAKE = """
let
  machine = (import {file}).outputs {{
    nixpkgs.lib.nixosSystem = given: given.modules;
    chatmail.nixosModules.default = {{ }};
  }};
in
{{ imports = builtins.filter builtins.isAttrs machine.nixosConfigurations.relay; }}
"""


def test_the_files_are_the_snippets() -> None:
    """Whoever changes a document renews them."""
    if os.environ.get("UPDATE_GOLDEN"):
        for file in FOLDER.glob("*.nix"):
            if file.name not in KEPT:
                file.unlink()
        for name, text in SNIPPETS.items():
            (FOLDER / name).write_text(text)

    found = {file.name: file.read_text() for file in FOLDER.glob("*.nix")}
    assert {name: found[name] for name in found.keys() - KEPT} == SNIPPETS


def test_every_document_with_a_snippet_is_read() -> None:
    """The ones that tell how to install come first."""
    assert {"README-1.nix", "operate-1.nix", "raspberry-pi-1.nix"} <= SNIPPETS.keys()


@pytest.mark.parametrize("name", SNIPPETS)
def test_the_relay_takes_it(describe: Describe, name: str) -> None:
    """As an operator's own configuration."""
    text = SNIPPETS[name]
    operator = OF_FLAKE.format(file=path_in_image(FOLDER / name)) if "outputs =" in text else text

    assert describe(operator=operator).failures == []
