"""docs/options.md is what docs/options.nix makes of the declarations."""

import json

from chatmail_lab.image.chroot import path_in_image
from nixtest.relay import CHECKOUT, InRoot

HOW = "nix-instantiate --eval --strict --json docs/options.nix | jq -rj . > docs/options.md"


def test_the_option_reference_is_current(in_root: InRoot) -> None:
    """Whoever changes an option renews its page."""
    maker = path_in_image(CHECKOUT / "docs" / "options.nix")
    made = in_root(
        "env", "NIX_REMOTE=dummy://", "nix-instantiate", "--eval", "--strict", "--json", maker
    )

    expected = json.loads(made.stdout).rstrip("\n")
    actual = (CHECKOUT / "docs" / "options.md").read_text().rstrip("\n")
    assert expected == actual, f"renew it: {HOW}"
