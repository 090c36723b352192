"""A small JSON file of the operator: written by rename, read again as soon as it was replaced."""

import contextlib
import fcntl
import json
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from chatmaild.errors import DecisionError
from chatmaild.store.files import write_atomically

_log = logging.getLogger(__name__)

T = TypeVar("T")

# the services run as other users than the operator
_MODE: Final = 0o644
_MASK: Final = 0o022


class Document(Generic[T]):
    """The value of a file; another process may replace it at any time. Thread-safe.

    Args:
        parse: makes the value of decoded JSON; raises ValueError.
        absent: the value without a file.
    """

    def __init__(self, path: Path, parse: Callable[[Any], T], absent: T) -> None:
        self._path = path
        self._directory = str(path.parent)
        self._parse = parse
        self._absent = absent
        self._seen: tuple[tuple[int, int, int], T] | None = None
        self._is_told = False

    def current(self) -> T:
        """The value now; costs one stat as long as nobody replaces the file.

        Raises:
            DecisionError: it cannot be read, or has no such value.
        """
        try:
            value = self._value()
        except (OSError, ValueError, RecursionError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            if not self._is_told:
                self._is_told = True
                _log.warning("%s cannot be used: %s", self._path, reason)
            raise DecisionError(f"{self._path} cannot be used: {reason}") from error
        self._is_told = False
        return value

    def _value(self) -> T:
        try:
            status = os.stat(self._path)  # noqa: PTH116 - for each message
        except FileNotFoundError:
            # without its directory, or what it links to, nobody knows what the operator decided
            os.stat(self._directory)  # noqa: PTH116
            if os.path.islink(self._path):  # noqa: PTH114
                raise
            return self._absent
        state = (status.st_ino, status.st_mtime_ns, status.st_size)
        seen = self._seen
        if seen is not None and seen[0] == state:
            return seen[1]
        value = self._parse(json.loads(self._path.read_bytes()))
        self._seen = (state, value)
        return value


def write(path: Path, content: Any) -> None:
    """Replace a file; every user of the machine may read it.

    Raises:
        OSError: the old file is unchanged.
    """
    mask = os.umask(_MASK)
    try:
        text = json.dumps(content, indent=1, ensure_ascii=False)
        write_atomically(path, f"{text}\n".encode(), mode=_MODE)
    finally:
        os.umask(mask)


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Let one command at a time change the files of a directory."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
