"""A limit of the machine's kernel that all relays of all labs share, because it is not namespaced.

Every IMAP session that waits has an inotify instance; the kernel's default of 128 for each user
ends before the clients of one busy relay do. NixOS machines raise it themselves.
"""

from contextlib import suppress
from pathlib import Path

INSTANCES = Path("/proc/sys/fs/inotify/max_user_instances")
NEEDED = 65535
_REMEMBERED = "max_user_instances"


def lift(directory: Path, *, limit: Path = INSTANCES) -> None:
    """Raise the limit for as long as there are labs; `directory` remembers what it was.

    A kernel that does not let us keeps its limit: small labs work with it.
    """
    before = int(limit.read_text())
    if before >= NEEDED:
        return
    with suppress(OSError):
        (directory / _REMEMBERED).write_text(f"{before}\n")
        limit.write_text(f"{NEEDED}\n")


def restore(directory: Path, *, limit: Path = INSTANCES) -> None:
    """Undo `lift` if no lab is left in the directory."""
    remembered = directory / _REMEMBERED
    if [path.name for path in directory.iterdir()] != [_REMEMBERED]:
        return
    with suppress(OSError):
        limit.write_text(remembered.read_text())
    remembered.unlink()
