"""What renderers return: files for a host."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file, or a symbolic link if `target` is given. `path` is absolute."""

    path: str
    content: bytes = b""
    target: str | None = None
    mode: int = 0o644
    user: str = "root"
    group: str = "root"


def text(path: str, content: str, *, mode: int = 0o644) -> File:
    """A text file of root's."""
    return File(path=path, content=content.encode(), mode=mode)


def link(path: str, target: str) -> File:
    """A symbolic link."""
    return File(path=path, target=target)
