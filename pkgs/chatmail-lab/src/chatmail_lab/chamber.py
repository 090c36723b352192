"""Programs of the shared root, run on files of this machine."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from chatmail_lab.root import HOST_VIEW
from chatmail_lab.run import run

# The root sees the whole machine in one directory; the mounts end with the command.
_SCRIPT = """
mount --rbind / "$1/$2"
mount --rbind /proc "$1/proc"
root=$1
shift 2
exec chroot "$root" env -i PATH=/usr/bin:/bin HOME=/nonexistent LC_ALL=C.UTF-8 "$@"
"""


def seen(path: Path) -> str:
    """A path of this machine as programs of the root see it."""
    return f"/{HOST_VIEW}{path.resolve()}"


def unseen(text: str) -> str:
    """Text of such a program with paths as they are on this machine."""
    return text.replace(f"/{HOST_VIEW}/", "/")


def run_in_root(root: Path, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a program of the root to its end; `seen` gives it paths.

    Raises:
        LabError: its exit code is not 0.
    """
    shell = ["sh", "-ec", _SCRIPT, "chamber", str(root), HOST_VIEW]
    return run(["unshare", "--mount", "--propagation=private", *shell, *command])
