"""The root file system of a host, written from this machine."""

import os
import shutil
from pathlib import Path

from chatmail_lab.errors import LabError
from chatmail_lab.render.files import File


class Rootfs:
    """A host's root file system, mounted at `root` on this machine."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, name: str) -> Path:
        """Return where the host's absolute path `name` is on this machine."""
        return self.root / name.lstrip("/")

    def read(self, name: str) -> str:
        """Return the content of a text file.

        Raises:
            FileNotFoundError: There is none.
        """
        return self.path(name).read_text()

    def write(self, file: File) -> None:
        """Make or replace a file or symbolic link, and make its parent directories.

        Users and groups are those of the host.
        """
        path = self.path(file.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        if file.target is not None:
            path.symlink_to(file.target)
            return
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(file.content)
        os.chown(path, self._id("passwd", file.user), self._id("group", file.group))
        path.chmod(file.mode)

    def copy_from(self, directory: Path) -> None:
        """Copy everything below `directory` to the same place below the root."""
        shutil.copytree(directory, self.root, dirs_exist_ok=True, copy_function=_copy_to_new_inode)

    def _id(self, database: str, name: str) -> int:
        """Return the number of a user or group of this host."""
        if name.isdigit():
            return int(name)
        for line in self.read(f"/etc/{database}").splitlines():
            fields = line.split(":")
            if fields[0] == name:
                return int(fields[2])
        raise LabError(f"no '{name}' in /etc/{database} of this host")


def _copy_to_new_inode(source: str, target: str) -> None:
    """Copy to a new inode: a process that maps the old file keeps its content."""
    Path(target).unlink(missing_ok=True)
    shutil.copy2(source, target)
