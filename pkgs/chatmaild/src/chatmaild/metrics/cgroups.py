"""Which units of the relay have processes, from files that every process may read."""

from pathlib import Path
from typing import Final

from chatmaild.settings import Settings

CGROUPS: Final = Path("/sys/fs/cgroup")
# units without a process of their own
WITHOUT_PROCESS: Final = frozenset({"chatmail-connections"})
# where systemd puts services
_SERVICES: Final = "system.slice"


def running(settings: Settings) -> dict[str, bool]:
    """Return whether each unit has processes; nothing where that cannot be seen from here."""
    parent = own_directory()
    if parent.name != _SERVICES:
        return {}
    return {unit: is_up(parent / f"{unit}.service") for unit in units(settings)}


def units(settings: Settings) -> list[str]:
    """Return the units that have processes while the relay is well."""
    off = {f"wg-quick-{settings.cluster.interface}"}
    off |= set() if settings.turn.enable else {"coturn"}
    return [
        unit
        for unit in settings.units
        if not unit.endswith(".timer") and unit not in WITHOUT_PROCESS | off
    ]


def own_directory() -> Path:
    """Return the directory with the group of this process, and of all other services."""
    return CGROUPS / own_slice(Path("/proc/self/cgroup").read_text())


def own_slice(text: str) -> str:
    """Return the slice of this process, relative to the root, from /proc/self/cgroup."""
    path = next((line[3:] for line in text.splitlines() if line.startswith("0::")), "/")
    return path.rpartition("/")[0].strip("/")


def is_up(group: Path) -> bool:
    """Whether a unit has processes."""
    return "populated 1" in read(group / "cgroup.events")


def read(path: Path) -> str:
    """Return the text of a file; empty if it cannot be read."""
    try:
        return path.read_text()
    except OSError:
        return ""
