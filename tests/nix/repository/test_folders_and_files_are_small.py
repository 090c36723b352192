"""No folder has more than 12 files, no file more than 300 lines."""

import collections
import pathlib

from nixtest.checkout import CHECKOUT, tracked

MAX_FILES = 12
MAX_LINES = 300
# the top folder: tools look for their files there
TOP = "."
# data, mostly written by programs, and fragments until the next release
DATA = (
    "changelog.d/",
    "pkgs/chatmaild/fuzz/corpus/",
    "tests/nix/golden/",
    "tests/nixos/snippets/",
)
LARGE_FOLDERS: set[str] = set()
LONG_FILES = {
    "docs/options.md",  # generated
    "docs/performance/history.json",  # written by scripts/bench, as the two pictures of it
    "docs/performance/model.svg",
    "docs/performance/speed.svg",
    "pkgs/chatmail-monitoring/alerts.json",  # generated
    "pkgs/chatmail-monitoring/dashboard.json",  # generated
    "modules/chatmail/options.nix",  # every option is declared in one file
    "pkgs/chatmaild/src/chatmaild/settings_types.py",  # generated
    "tests/nix/effects.toml",  # an entry for each option
}


def _written() -> list[pathlib.PurePosixPath]:
    """Tracked files that are neither links nor data, relative to the checkout."""
    files = [file.relative_to(CHECKOUT) for file in tracked() if not file.is_symlink()]
    return [pathlib.PurePosixPath(file) for file in files if not file.as_posix().startswith(DATA)]


def _lines(file: pathlib.PurePosixPath) -> int:
    content = (CHECKOUT / file).read_bytes()
    # a picture has no lines; like Git, know it by a zero byte at its begin
    return 0 if b"\0" in content[:8000] else content.count(b"\n")


def test_no_folder_has_more_than_12_files() -> None:
    """Files in subfolders count there. An exception that is no longer needed fails, too."""
    files = collections.Counter(str(file.parent) for file in _written())

    large = {folder for folder, count in files.items() if count > MAX_FILES and folder != TOP}
    assert large == LARGE_FOLDERS


def test_no_file_has_more_than_300_lines() -> None:
    """Split a longer file by responsibility. An exception that is no longer needed fails, too."""
    long = {str(file) for file in _written() if _lines(file) > MAX_LINES}

    assert long == LONG_FILES
