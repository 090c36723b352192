"""A writable layer over the shared root for each host."""

import os
from pathlib import Path

from chatmail_lab.holder import Holder


def mount_layer(holder: Holder, directory: Path, root: Path, *, disk: str | None) -> Path:
    """Mount a fresh layer in the lab's mount namespace; where its merged view is, in there.

    With `disk` (a size as in tmpfs(5): 400M) the layer is in memory and can hold no more.
    """
    merged = directory / "merged"
    directory.mkdir(parents=True)
    commands = []
    if disk is not None or _on_overlay(directory):
        size = f",size={disk}" if disk is not None else ""
        commands.append(f"mount -t tmpfs -o mode=755{size} layer {directory}")
    upper, work = directory / "upper", directory / "work"
    options = f"lowerdir={root},upperdir={upper},workdir={work}"
    commands += [
        f"mkdir {upper} {work} {merged}",
        f"mount -t overlay -o {options} overlay {merged}",
    ]
    holder.script(commands)
    return merged


def _on_overlay(directory: Path) -> bool:
    """Whether a directory is itself on an overlay, as in most containers."""
    device = directory.stat().st_dev
    name = f"{os.major(device)}:{os.minor(device)}"
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split()
        if fields[2] == name:
            return fields[fields.index("-") + 1] == "overlay"
    return False
