"""Files of a tree that nobody trusts: no link is followed, no device opened, nothing read whole.

The tree may be the disk of another machine, with users of its own. Every name is opened relative to
its open directory, so that a rename in the meantime leads nowhere else.
"""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

from chatmaild.errors import ChatmaildError, UntakenError
from chatmaild.operator.privileges import as_root_again

_FILE_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_DIRECTORY_FLAGS: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_KINDS: Final = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class Directory:
    """An open directory of a tree; a context manager that closes it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def at(cls, path: Path) -> Self:
        """Open the directory that the operator names; its path may have symbolic links.

        Raises:
            ChatmaildError: it is no directory.
        """
        try:
            return cls(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        except OSError as error:
            raise ChatmaildError(f"{path}: {error.strerror}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def names(self) -> list[str]:
        """The names in it, sorted; bytes that are not text are escaped as surrogates."""
        return sorted(os.listdir(self._descriptor))  # noqa: PTH208 - a descriptor has no path

    def entries(self) -> dict[str, os.stat_result]:
        """The status of each name in it; the links themselves, not what they lead to."""
        with as_root_again(), os.scandir(self._descriptor) as found:
            status = {}
            for entry in found:
                with contextlib.suppress(FileNotFoundError):
                    status[entry.name] = entry.stat(follow_symlinks=False)
        return status

    def status(self, name: str) -> os.stat_result | None:
        """The status of a name, None if there is none."""
        try:
            with as_root_again():
                return os.stat(name, dir_fd=self._descriptor, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None

    @contextlib.contextmanager
    def directory(self, *names: str) -> Iterator["Directory | None"]:
        """Open a directory in it, or in directories in it; None if there is none.

        Raises:
            UntakenError: a name is a symbolic link, or no directory.
        """
        opened: Directory = self
        with contextlib.ExitStack() as stack:
            for name in names:
                status = opened.status(name)
                if status is None:
                    yield None
                    return
                if not stat.S_ISDIR(status.st_mode):
                    raise UntakenError(kind(status))
                opened = stack.enter_context(opened._open(name))
            yield opened

    def _open(self, name: str) -> "Directory":
        try:
            with as_root_again():
                return Directory(os.open(name, _DIRECTORY_FLAGS, dir_fd=self._descriptor))
        except OSError as error:
            raise UntakenError(error.strerror or "cannot be opened") from error

    def open(self, name: str, *, links: int = 1) -> int:
        """Open a regular file for reading; return its descriptor.

        Args:
            links: how many names of the file the caller knows.

        Raises:
            FileNotFoundError: there is none.
            UntakenError: it is not a regular file, or has more names.
        """
        status = self.status(name)
        if status is None:
            raise FileNotFoundError(name)
        if not stat.S_ISREG(status.st_mode):
            raise UntakenError(kind(status))
        if status.st_nlink > links:
            raise UntakenError("a hard link to a file elsewhere")
        try:
            with as_root_again():
                descriptor = os.open(name, _FILE_FLAGS, dir_fd=self._descriptor)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise UntakenError(error.strerror or "cannot be opened") from error
        if os.path.samestat(os.fstat(descriptor), status):
            return descriptor
        os.close(descriptor)
        raise UntakenError("replaced while it was read")

    def read(self, name: str, limit_bytes: int) -> bytes | None:
        """The content of a small file, None if there is none.

        Raises:
            UntakenError: see `open`; or it is larger than the limit.
        """
        try:
            descriptor = self.open(name)
        except FileNotFoundError:
            return None
        with os.fdopen(descriptor, "rb") as file:
            content = file.read(limit_bytes + 1)
        if len(content) > limit_bytes:
            raise UntakenError(f"larger than {limit_bytes} bytes")
        return content


def kind(status: os.stat_result) -> str:
    """What a name is, in words."""
    return next((text for test, text in _KINDS if test(status.st_mode)), "a regular file")


class Untaken:
    """What is not imported: how many names for each reason, and the first ones."""

    EXAMPLES: Final = 3

    def __init__(self) -> None:
        self.reasons: dict[str, tuple[int, list[str]]] = {}

    def add(self, name: str, reason: str) -> None:
        """Count a name, which is shown with escapes."""
        number, examples = self.reasons.get(reason, (0, []))
        if len(examples) < self.EXAMPLES:
            examples = [*examples, shown(name)]
        self.reasons[reason] = (number + 1, examples)

    @property
    def number(self) -> int:
        """The number of names."""
        return sum(number for number, _ in self.reasons.values())

    def lines(self) -> list[str]:
        """One line for each reason."""
        return [
            f"{number}: {reason}, such as {', '.join(examples)}"
            for reason, (number, examples) in sorted(self.reasons.items())
        ]


def shown(name: str) -> str:
    """A name on one line: control characters, blanks at the ends and non-ASCII are escaped."""
    text = ascii(name)[1:-1]
    return text if text == name and name == name.strip() else ascii(name)
