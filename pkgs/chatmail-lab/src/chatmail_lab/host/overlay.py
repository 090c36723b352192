"""The overlay of a host: a writable file system over layers that hosts share."""

import os
from collections.abc import Sequence
from pathlib import Path

from chatmail_lab.machine.namespaces import NamespaceKeeper


def mount_overlay(
    keeper: NamespaceKeeper, directory: Path, layers: Sequence[Path], *, disk: str | None
) -> Path:
    """Mount a new overlay in the lab's mount namespace.

    Args:
        keeper: The namespaces.
        directory: Where the host's layers are kept.
        layers: The lower layers, which never change; the first one wins.
        disk: Size limit of the upper layer, as in tmpfs(5) (400M), which then is in memory.

    Returns:
        The mount point, as a path of the lab's mount namespace.
    """
    merged = directory / "merged"
    directory.mkdir(parents=True)
    commands = []
    if disk is not None or _is_on_overlay(directory):
        size = f",size={disk}" if disk is not None else ""
        commands.append(f"mount -t tmpfs -o mode=755{size} layer {directory}")
    upper, work = directory / "upper", directory / "work"
    lower = ":".join(map(str, layers))
    options = f"lowerdir={lower},upperdir={upper},workdir={work}"
    commands += [
        f"mkdir {upper} {work} {merged}",
        f"mount -t overlay -o {options} overlay {merged}",
    ]
    keeper.run_shell(commands)
    return merged


def _is_on_overlay(directory: Path) -> bool:
    """Return whether a directory is on an overlay, as in most containers.

    An overlay cannot be the upper layer of another one.
    """
    device = directory.stat().st_dev
    name = f"{os.major(device)}:{os.minor(device)}"
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split()
        if fields[2] == name:
            return fields[fields.index("-") + 1] == "overlay"
    return False
