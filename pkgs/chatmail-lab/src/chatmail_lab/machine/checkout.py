"""The checkout of this repository that the lab's relays are made from."""

import os
from pathlib import Path

from chatmail_lab.errors import LabError


def checkout() -> Path:
    """Return the top directory of the checkout: CHATMAIL_CHECKOUT, or the one of this file.

    Raises:
        LabError: There is none, because the lab was installed without a checkout.
    """
    given = os.environ.get("CHATMAIL_CHECKOUT")
    top = Path(given) if given else Path(__file__).resolve().parents[5]
    if not (top / "modules/chatmail/description.nix").is_file():
        raise LabError(f"no chatmail checkout at {top}: set CHATMAIL_CHECKOUT to one")
    return top.resolve()


def nix_directory() -> Path:
    """Return the directory of the lab's own Nix files."""
    return checkout() / "pkgs/chatmail-lab/nix"
