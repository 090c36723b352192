"""Atomic writes: temporary file, fsync, rename, fsync of the directory."""

import contextlib
import os
import secrets
from pathlib import Path


def write_atomically(
    path: str | Path, data: bytes, *, mode: int = 0o600, modified_s: float | None = None
) -> None:
    """Replace a file; after a crash it has either the old or the new content.

    Args:
        modified_s: modification time in Unix seconds, None for now.

    Raises:
        OSError: the directory is missing or the disk is full; the old file is unchanged.
    """
    # str instead of Path makes the creation of an account a third cheaper
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
    """Write the entries of a directory to disk, so that they survive a power failure."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file_system(path: Path) -> None:
    """Write all files of the file system of a directory to disk (syncfs(2)).

    Raises:
        OSError: the disk fails.
    """
    import ctypes  # in no service: conversions and imports alone are here

    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(path))
    finally:
        os.close(descriptor)
