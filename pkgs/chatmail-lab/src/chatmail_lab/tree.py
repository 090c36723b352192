"""Files written into a host's file system, with the host's own users and groups."""

import os
import shutil
from pathlib import Path

from chatmail_lab.errors import LabError
from chatmail_lab.render.files import File


class Tree:
    """A host's root directory as seen from this machine."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, name: str) -> Path:
        """Where the host's absolute path `name` is on this machine."""
        return self.root / name.lstrip("/")

    def read(self, name: str) -> str:
        """Content of a text file.

        Raises:
            FileNotFoundError: there is none.
        """
        return self.path(name).read_text()

    def write(self, file: File) -> None:
        """Make or replace a file or symbolic link, and the directories above it."""
        path = self.path(file.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        if file.target is not None:
            path.symlink_to(file.target)
            return
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(file.content)
        owner = self._number("passwd", file.user)
        os.chown(path, owner, self._number("group", file.group))
        path.chmod(file.mode)

    def take_in(self, directory: Path) -> None:
        """Copy all that is below `directory` to the same place below the root."""
        shutil.copytree(directory, self.root, dirs_exist_ok=True, copy_function=_replace)

    def _number(self, database: str, name: str) -> int:
        """Number of a user or group of this host."""
        if name.isdigit():
            return int(name)
        for line in self.read(f"/etc/{database}").splitlines():
            fields = line.split(":")
            if fields[0] == name:
                return int(fields[2])
        raise LabError(f"no '{name}' in /etc/{database} of this host")


def _replace(source: str, target: str) -> None:
    """Copy a file to a new one: a program that has the old one mapped would lose what it mapped."""
    Path(target).unlink(missing_ok=True)
    shutil.copy2(source, target)
