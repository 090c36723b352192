"""docs/options.md is what docs/options.nix makes of the declarations.

`UPDATE_GOLDEN=1 pytest tests/nix` writes it anew.
"""

import json
import os

from chatmail_lab.image.chroot import path_in_image
from nixtest.relay import CHECKOUT, InRoot

PAGE = CHECKOUT / "docs" / "options.md"


def test_the_option_reference_is_current(in_root: InRoot) -> None:
    """Whoever changes an option renews its page."""
    maker = path_in_image(CHECKOUT / "docs" / "options.nix")
    made = in_root(
        "env", "NIX_REMOTE=dummy://", "nix-instantiate", "--eval", "--strict", "--json", maker
    )

    text = json.loads(made.stdout)
    if os.environ.get("UPDATE_GOLDEN"):
        PAGE.write_text(text)

    expected = text.rstrip("\n")
    actual = PAGE.read_text().rstrip("\n")
    assert expected == actual, "renew it: UPDATE_GOLDEN=1 pytest tests/nix"
