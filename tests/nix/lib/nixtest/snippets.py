"""The Nix code in README.md and docs."""

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

from nixtest.checkout import CHECKOUT

FOLDER = CHECKOUT / "tests/nixos/snippets"
BLOCK = re.compile(r"(?ms)^ *```nix\n(.*?)^ *```$")
# an assignment in a line of prose; one with <placeholders> is not Nix
ROOTS = "boot|environment|networking|nix|security|services|systemd|virtualisation"
INLINE = re.compile(rf"`((?:{ROOTS})\.[^`=<]+ = [^`]+?);?`")


def snippets() -> dict[str, str]:
    """File name -> text of every snippet."""
    documents = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").rglob("*.md"))]
    return {
        f"{document.stem}-{number}.nix": f"# From {document.relative_to(CHECKOUT)}.\n{text}"
        for document in documents
        if document.name not in ("options.md", "nixpkgs-interfaces.md")
        for number, text in enumerate(_of(document), 1)
    }


def _of(document: Path) -> Iterator[str]:
    text = document.read_text()
    for block in BLOCK.findall(text):
        code = textwrap.dedent(block)
        yield code if code.startswith("{") else _module(code)
    for line in INLINE.findall(BLOCK.sub("", text)):
        yield _module(f"{line};\n")


def _module(assignments: str) -> str:
    return f"{{\n{textwrap.indent(assignments, '  ')}}}\n"
