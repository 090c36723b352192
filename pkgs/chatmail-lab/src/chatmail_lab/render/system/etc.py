"""environment.etc -> files under /etc."""

from pathlib import Path

from chatmail_lab.render.files import File, symlink
from chatmail_lab.render.values import Attrs, refuse_unknown

KNOWN = frozenset({"text", "source", "mode", "user", "group", "enable", "target"})


def etc_file(name: str, entry: Attrs) -> File | None:
    """Return one entry; None if it is disabled.

    A source that is a file of this machine is copied; another one becomes a symbolic link.
    """
    refuse_unknown(f'environment.etc."{name}"', entry, KNOWN)
    if not entry.get("enable", True):
        return None
    path = f"/etc/{entry.get('target') or name}"
    mode = str(entry.get("mode") or "symlink")
    if entry.get("text") is None:
        source = Path(str(entry["source"]))
        if not source.is_file():
            return symlink(path, str(source))
        content = source.read_bytes()
    else:
        content = str(entry["text"]).encode()
    return File(
        path=path,
        content=content,
        mode=0o644 if mode == "symlink" else int(mode, 8),
        user=str(entry.get("user") or "root").removeprefix("+"),
        group=str(entry.get("group") or "root").removeprefix("+"),
    )


def render(etc: Attrs) -> list[File]:
    """Return the files of environment.etc."""
    files = (etc_file(name, entry) for name, entry in sorted(etc.items()))
    return [file for file in files if file is not None]
