"""Where the parts of this repository are that a lab is made of."""

import os
from pathlib import Path

from chatmail_lab.errors import LabError


def checkout() -> Path:
    """Top directory of the checkout: CHATMAIL_CHECKOUT, or the one that this file is part of.

    Raises:
        LabError: there is none (the lab was installed without one).
    """
    given = os.environ.get("CHATMAIL_CHECKOUT")
    top = Path(given) if given else Path(__file__).resolve().parents[4]
    if not (top / "modules/chatmail/description.nix").is_file():
        raise LabError(f"no chatmail checkout at {top}; set CHATMAIL_CHECKOUT to one")
    return top.resolve()


def nix_directory() -> Path:
    """The lab's own Nix files."""
    return checkout() / "pkgs/chatmail-lab/nix"
