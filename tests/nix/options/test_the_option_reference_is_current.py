"""docs/options.md is generated from the options by docs/site/options.nix.

`UPDATE_GOLDEN=1 pytest tests/nix` updates it.
"""

import json
import os

from chatmail_lab.image.chroot import path_in_image
from nixtest.checkout import CHECKOUT
from nixtest.relay import InRoot

PAGE = CHECKOUT / "docs" / "options.md"


def test_the_option_reference_is_current(in_root: InRoot) -> None:
    """A changed option needs an updated page."""
    maker = path_in_image(CHECKOUT / "docs" / "site" / "options.nix")
    made = in_root(
        "env", "NIX_REMOTE=dummy://", "nix-instantiate", "--eval", "--strict", "--json", maker
    )

    text = json.loads(made.stdout)
    if os.environ.get("UPDATE_GOLDEN"):
        PAGE.write_text(text)

    expected = text.rstrip("\n")
    actual = PAGE.read_text().rstrip("\n")
    assert expected == actual, "out of date: run UPDATE_GOLDEN=1 pytest tests/nix"
