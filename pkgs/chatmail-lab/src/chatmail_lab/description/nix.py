"""Nix expressions, evaluated by the image's Nix: without nixpkgs, store or network."""

from collections.abc import Sequence
from pathlib import Path

from chatmail_lab.errors import CommandError, LabError
from chatmail_lab.image.chroot import path_in_image, paths_on_machine, run_in_image
from chatmail_lab.machine.checkout import nix_directory

# evaluation only: Nix neither reads nor writes a store
_STORE = "NIX_REMOTE=dummy://"


def evaluate_to_json(image: Path, arguments: Sequence[str]) -> str:
    """Return a value as JSON text; `arguments` are those of nix-instantiate.

    Raises:
        LabError: The evaluation failed; with Nix' own message.
    """
    nix = ["nix-instantiate", "--eval", "--strict", "--json", *arguments]
    try:
        return run_in_image(image, ["env", _STORE, *nix]).stdout
    except CommandError as error:
        output = paths_on_machine(error.output)
        # Nix prints the stack trace first and the error last.
        start = output.rfind("error:")
        raise LabError(f"the configuration does not evaluate: {output[max(start, 0) :]}") from error


def evaluate_expression(image: Path, expression: str) -> str:
    """Return the value of an expression as JSON text; it may use the lab's `lib`."""
    library = path_in_image(nix_directory() / "lib.nix")
    text = f"let lib = import {library}; in ({expression})"
    return paths_on_machine(evaluate_to_json(image, ["--expr", text])).strip()
