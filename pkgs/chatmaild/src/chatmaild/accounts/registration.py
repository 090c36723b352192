"""Decide whether a new account may be created now: the operator's switch, stop file, load.

The switches are read for each decision, so that they take effect at once.
"""

import contextlib
import functools
import logging
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chatmaild import logs
from chatmaild.accounts.reserved import RESERVED
from chatmaild.address import Address
from chatmaild.errors import RegistrationRefused
from chatmaild.metrics import Counters
from chatmaild.settings import Registration, Settings
from chatmaild.store.tombstones import Tombstones

_log = logging.getLogger(__name__)

MEGABYTE: Final = 1 << 20
MEMORY: Final = Path("/proc/meminfo")
_CLOSED_MARKER: Final = "registration-closed"
# measuring costs a fifth of our part of a creation, and hundreds may come at once
MEASURED_FOR_S: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """How loaded the machine is; None where it cannot be measured."""

    load: float | None
    free_memory_megabytes: float | None
    free_disk_megabytes: float | None
    free_inodes: float | None


def overload(machine: Machine, limits: Registration) -> str | None:
    """Return the limit that the machine exceeds, in words for the log, or None."""
    load, memory, disk = machine.load, machine.free_memory_megabytes, machine.free_disk_megabytes
    if load is not None and load > limits.max_load:
        return f"load {load:.1f} above {limits.max_load:g}"
    if memory is not None and memory < limits.min_free_memory_megabytes:
        return f"{memory:.0f} MiB of memory, below {limits.min_free_memory_megabytes}"
    if disk is not None and disk < limits.min_free_disk_megabytes:
        return f"{disk:.0f} MiB of disk, below {limits.min_free_disk_megabytes}"
    if machine.free_inodes is not None and machine.free_inodes < limits.min_free_inodes:
        return f"{machine.free_inodes:.0f} inodes of disk, below {limits.min_free_inodes}"
    return None


def measure(mail_directory: Path) -> Machine:
    """Measure load, available memory and free disk; an unreadable value is None and a warning."""
    return Machine(
        load=_readable(_load, "load"),
        free_memory_megabytes=_readable(_free_memory, "free memory"),
        free_disk_megabytes=_readable(lambda: _free_disk(mail_directory), "free disk"),
        free_inodes=_readable(lambda: _free_inodes(mail_directory), "free inodes"),
    )


def check_name(address: Address) -> None:
    """Pass if anybody may have an account of this name.

    Raises:
        RegistrationRefused: `name-reserved`.
    """
    if address.local in RESERVED:
        raise _refused("name-reserved", "the name is reserved")


def check_not_deleted(address: Address, tombstones: Tombstones) -> None:
    """Pass unless an account of this name was deleted lately.

    Raises:
        RegistrationRefused: `name-deleted`.
    """
    if tombstones.has(address, now_s=time.time()):
        raise _refused("name-deleted", "an address of this name was deleted lately")


class RegistrationSwitch:
    """The operator's switch, and the limits that always hold."""

    def __init__(self, settings: Settings) -> None:
        self._limits = settings.registration
        self._stop_file = Path(settings.registration.stop_file)
        self.mail_directory = Path(settings.directories.mail)
        self.marker = Path(settings.directories.accounts) / _CLOSED_MARKER
        self._measured: tuple[float, Machine] | None = None

    @property
    def is_open(self) -> bool:
        """Whether an account may be created without an invite."""
        return not self.marker.exists()

    @property
    def is_stopped(self) -> bool:
        """Whether the stop file exists."""
        return self._stop_file.exists()

    def check_open(self) -> None:
        """Pass if an account may be created now, without an invite.

        Raises:
            RegistrationRefused: `closed`, or see `check_capacity`.
        """
        if not self.is_open:
            raise _refused("closed", "registration is closed")
        self.check_capacity()

    def check_capacity(self) -> None:
        """Pass if an account may be created at all, with or without an invite.

        Raises:
            RegistrationRefused: `stopped` or `overloaded`.
        """
        if self.is_stopped:
            raise _refused("stopped", f"{self._stop_file} exists")
        if problem := overload(self._machine(), self._limits):
            raise _refused("overloaded", problem)

    def _machine(self) -> Machine:
        now_s = time.monotonic()
        if self._measured is None or now_s - self._measured[0] > MEASURED_FOR_S:
            self._measured = (now_s, measure(self.mail_directory))
        return self._measured[1]


def _refused(code: str, why: str) -> RegistrationRefused:
    _log.info("registration rejected: %s", why)
    return RegistrationRefused(code)


def _readable(read: Callable[[], float], what: str) -> float | None:
    try:
        return read()
    except (OSError, ValueError, KeyError) as error:
        _warn_once(what, logs.kind_of(error))
        return None


@functools.cache
def _warn_once(what: str, why: str) -> None:
    _log.warning("%s cannot be measured, its limit is ignored: %s", what, why)


def _load() -> float:
    return os.getloadavg()[0]


def memory_bytes() -> tuple[int, int]:
    """Return the available memory, and all of it.

    Raises:
        OSError, ValueError, KeyError: it cannot be read.
    """
    fields = dict(line.split(":", 1) for line in MEMORY.read_text().splitlines())
    available, total = (int(fields[name].split()[0]) for name in ("MemAvailable", "MemTotal"))
    return available * 1024, total * 1024


def count_memory(counters: Counters) -> None:
    """Set the gauges of the machine's memory, where it can be read."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        available_bytes, all_bytes = memory_bytes()
        counters.set("memory_available_bytes", available_bytes)
        counters.set("memory_size_bytes", all_bytes)


def _free_memory() -> float:
    return memory_bytes()[0] / MEGABYTE


def _free_disk(directory: Path) -> float:
    status = os.statvfs(directory)
    return status.f_bavail * status.f_frsize / MEGABYTE


def _free_inodes(directory: Path) -> float:
    status = os.statvfs(directory)
    # btrfs, ZFS and others have no fixed number: it is 0 there
    return status.f_favail if status.f_files else math.inf
