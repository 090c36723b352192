"""The files of a host, which the renderers return."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file, or a symbolic link if `target` is given; `path` is absolute."""

    path: str
    content: bytes = b""
    target: str | None = None
    mode: int = 0o644
    user: str = "root"
    group: str = "root"


def text_file(path: str, content: str, *, mode: int = 0o644) -> File:
    """Return a text file of root's."""
    return File(path=path, content=content.encode(), mode=mode)


def symlink(path: str, target: str) -> File:
    """Return a symbolic link."""
    return File(path=path, target=target)
