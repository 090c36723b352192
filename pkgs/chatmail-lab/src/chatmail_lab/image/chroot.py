"""Programs of the Debian image, run on files of this machine."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from chatmail_lab.image.debian import MACHINE_MOUNT
from chatmail_lab.machine.commands import run

# The machine's file system is mounted inside of the image; the mounts end with the command.
_SCRIPT = """
mount --rbind / "$1/$2"
mount --rbind /proc "$1/proc"
image=$1
shift 2
exec chroot "$image" env -i PATH=/usr/bin:/bin HOME=/nonexistent LC_ALL=C.UTF-8 "$@"
"""


def path_in_image(path: Path) -> str:
    """Return a path of this machine as programs of the image find it."""
    return f"/{MACHINE_MOUNT}{path.resolve()}"


def paths_on_machine(text: str) -> str:
    """Return the output of such a program with the paths of this machine."""
    return text.replace(f"/{MACHINE_MOUNT}/", "/")


def run_in_image(image: Path, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a program of the image to its end; convert its paths by `path_in_image`.

    Raises:
        LabError: Its exit code is not 0.
    """
    shell = ["sh", "-ec", _SCRIPT, "chroot", str(image), MACHINE_MOUNT]
    return run(["unshare", "--mount", "--propagation=private", *shell, *command])
