"""The checkout, and the files that git tracks in it."""

import pathlib
import subprocess

CHECKOUT = pathlib.Path(__file__).resolve().parents[4]


def tracked(*patterns: str) -> list[pathlib.Path]:
    """Tracked files that exist, by pathspec; all without one."""
    # safe.directory: root runs the tests in a checkout of another user
    command = ["git", "-c", f"safe.directory={CHECKOUT}", "ls-files", "-z", "--", *patterns]
    listed = subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True, text=True)
    files = [CHECKOUT / name for name in listed.stdout.split("\0") if name]
    return [file for file in files if file.is_file()]
