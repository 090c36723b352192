"""House style of the Nix files, as far as it can be told without nixfmt.

`nix flake check` runs nixfmt, deadnix and statix.
"""

import pathlib
import re
import shutil
import subprocess

import pytest
from chatmail_lab.image.chroot import path_in_image
from nixtest.relay import CHECKOUT, InRoot

LONGEST_LINE = 140  # of prose in strings, which nixfmt does not break
LONGEST_FILE = 300


def _tracked() -> list[pathlib.Path]:
    command = ["git", "-c", f"safe.directory={CHECKOUT}", "ls-files", "-z", "--", "*.nix"]
    listed = subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True, text=True)
    files = [CHECKOUT / name for name in listed.stdout.split("\0") if name]
    return [file for file in files if file.exists()]


def _lines() -> list[tuple[str, str]]:
    return [
        (f"{file.relative_to(CHECKOUT)}:{number}", line)
        for file in _tracked()
        for number, line in enumerate(file.read_text().splitlines(), 1)
    ]


def test_every_file_parses(in_root: InRoot) -> None:
    """By nix itself."""
    files = [path_in_image(file) for file in _tracked()]

    assert files
    assert (
        in_root("env", "NIX_REMOTE=dummy://", "nix-instantiate", "--parse", *files).returncode == 0
    )


@pytest.mark.skipif(shutil.which("nixfmt") is None, reason="nixfmt is not installed")
def test_nixfmt_would_change_nothing() -> None:
    """`nix fmt` and the flake's check `formatting` say so, too."""
    files = [str(file) for file in _tracked()]

    assert subprocess.run(["nixfmt", "--check", *files], check=False).returncode == 0


def test_the_first_line_says_what_a_file_is() -> None:
    """What comes in, what goes out."""
    silent = [
        str(file.relative_to(CHECKOUT))
        for file in _tracked()
        if file.name != "flake.nix" and not file.read_text().startswith("# ")
    ]

    assert silent == []


def test_names_come_from_somewhere() -> None:
    """No `with`, no `rec`: a name's origin can be read."""
    found = [
        place for place, line in _lines() if re.search(r"(^|[=(]) *(with [\w.() ]+;|rec \{)", line)
    ]

    assert found == []


def test_nothing_is_forced_on_operators() -> None:
    """`mkForce` has no place in a module."""
    modules = [file for file in _tracked() if "modules" in file.parts]

    assert [str(file) for file in modules if "mkForce" in _code(file)] == []


def test_lines_and_files_are_short() -> None:
    """No tabs, nothing at the end of a line."""
    wrong = [
        place
        for place, line in _lines()
        if len(line) > LONGEST_LINE or "\t" in line or line != line.rstrip()
    ]
    long = [str(f) for f in _tracked() if len(f.read_text().splitlines()) > LONGEST_FILE]
    explained = [f for f in long if "\n# Over " in pathlib.Path(f).read_text()]

    assert wrong == []
    assert long == explained


def _code(file: pathlib.Path) -> str:
    return "\n".join(line.split("#", 1)[0] for line in file.read_text().splitlines())
