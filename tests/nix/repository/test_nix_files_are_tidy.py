"""House style of the Nix files.

`nix flake check` also runs nixfmt, deadnix and statix; Debian 12 and 13 package none of them.
"""

import pathlib
import re
import shutil
import subprocess

import pytest
from chatmail_lab.image.chroot import path_in_image
from nixtest.checkout import CHECKOUT, tracked
from nixtest.relay import InRoot

LONGEST_LINE = 140  # nixfmt does not break long strings
LONGEST_FILE = 300


def _lines() -> list[tuple[str, str]]:
    return [
        (f"{file.relative_to(CHECKOUT)}:{number}", line)
        for file in tracked("*.nix")
        for number, line in enumerate(file.read_text().splitlines(), 1)
    ]


def test_every_file_parses(in_root: InRoot) -> None:
    """nix parses it."""
    files = [path_in_image(file) for file in tracked("*.nix")]

    assert files
    assert (
        in_root("env", "NIX_REMOTE=dummy://", "nix-instantiate", "--parse", *files).returncode == 0
    )


@pytest.mark.skipif(
    shutil.which("nixfmt") is None,
    reason="nixfmt is not installed",
)
def test_nixfmt_would_change_nothing() -> None:
    """The flake's check `formatting` tests this, too."""
    files = [str(file) for file in tracked("*.nix")]

    assert subprocess.run(["nixfmt", "--check", *files], check=False).returncode == 0


def test_the_first_line_describes_the_file() -> None:
    """It names the arguments and the result."""
    without = [
        str(file.relative_to(CHECKOUT))
        for file in tracked("*.nix")
        if file.name != "flake.nix" and not file.read_text().startswith("# ")
    ]

    assert without == []


def test_no_file_uses_with_or_rec() -> None:
    """Without `with` and `rec`, the origin of a name is visible."""
    found = [
        place for place, line in _lines() if re.search(r"(^|[=(]) *(with [\w.() ]+;|rec \{)", line)
    ]

    assert found == []


def test_no_module_uses_mkforce() -> None:
    """Operators could not override it."""
    modules = [file for file in tracked("*.nix") if "modules" in file.parts]

    assert [str(file) for file in modules if "mkForce" in _code(file)] == []


def test_lines_and_files_are_short() -> None:
    """Lines have no tabs and no trailing whitespace; a long file says why in its header."""
    wrong = [
        place
        for place, line in _lines()
        if len(line) > LONGEST_LINE or "\t" in line or line != line.rstrip()
    ]
    long = [str(f) for f in tracked("*.nix") if len(f.read_text().splitlines()) > LONGEST_FILE]
    explained = [f for f in long if "\n# Over " in pathlib.Path(f).read_text()]

    assert wrong == []
    assert long == explained


def _code(file: pathlib.Path) -> str:
    return "\n".join(line.split("#", 1)[0] for line in file.read_text().splitlines())
