"""The kernel's limit of inotify instances per user, which all containers share.

Each idle IMAP session holds one inotify instance, and the kernel's default is 128: less than the
clients of one busy relay. NixOS raises the limit itself.
"""

from contextlib import suppress
from pathlib import Path

INSTANCES = Path("/proc/sys/fs/inotify/max_user_instances")
NEEDED = 65535
_SAVED_LIMIT = "max_user_instances"


def raise_limit(labs: Path, *, limit: Path = INSTANCES) -> None:
    """Raise the limit while labs exist, and save the old value in the directory of all labs.

    Without the right to raise it, the limit stays: small labs work with the default.
    """
    before = int(limit.read_text())
    if before >= NEEDED:
        return
    with suppress(OSError):
        (labs / _SAVED_LIMIT).write_text(f"{before}\n")
        limit.write_text(f"{NEEDED}\n")


def restore_limit(labs: Path, *, limit: Path = INSTANCES) -> None:
    """Restore the saved limit if the directory contains no lab."""
    saved = labs / _SAVED_LIMIT
    if [path.name for path in labs.iterdir()] != [_SAVED_LIMIT]:
        return
    with suppress(OSError):
        limit.write_text(saved.read_text())
    saved.unlink()
