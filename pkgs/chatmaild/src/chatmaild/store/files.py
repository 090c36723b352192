"""Files that are whole or not there: write, fsync, rename, fsync the directory."""

import contextlib
import os
import secrets
from pathlib import Path


def write_atomically(
    path: str | Path, data: bytes, *, mode: int = 0o600, modified_s: float | None = None
) -> None:
    """Replace the file by one with this content; after a crash it is the old or the new one.

    Args:
        modified_s: its modification time in unix seconds, None for now.

    Raises:
        OSError: the directory is missing, or the disk is full; then nothing has changed.
    """
    # plain text, not Path: the creation of an address is a third cheaper
    directory, name = os.path.split(path)
    temporary = os.path.join(directory, f".{name}.{secrets.token_hex(6)}.tmp")  # noqa: PTH118
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            if modified_s is not None:
                os.utime(descriptor, (modified_s, modified_s))
            os.fsync(descriptor)
        os.rename(temporary, path)  # noqa: PTH104
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)  # noqa: PTH108
        raise
    fsync_directory(directory or ".")


def fsync_directory(path: str | Path) -> None:
    """Make the names in the directory last through a power failure."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
