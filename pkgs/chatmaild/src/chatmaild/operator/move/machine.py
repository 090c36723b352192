"""Facts of this machine, and its units."""

import contextlib
import dataclasses
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from chatmaild.cli import VERSION
from chatmaild.errors import ChatmaildError
from chatmaild.operator.dnscheck.here import sources_of_machine
from chatmaild.operator.move import trees
from chatmaild.operator.move.plan import Look
from chatmaild.operator.move.state import Place
from chatmaild.operator.selftest.machine import units
from chatmaild.settings import Settings

# units that use mailboxes, queue and keys, in the order of a start; Postfix is the last
SERVICES: Final = ("chatmail-accounts", "chatmail-filter", "chatmail-transport", "dovecot")
POSTFIX: Final = "postfix"
# they would write, or start what is stopped
TIMERS: Final = tuple(
    f"chatmail-{name}.timer" for name in ("expire", "selftest", "storage", "upgrade")
)
JOBS: Final = tuple(f"chatmail-{name}.service" for name in ("expire", "selftest", "storage"))
UPGRADE: Final = "chatmail-upgrade.service"
# they read secrets that move
MEDIA: Final = ("coturn",)
FORWARD: Final = "chatmail-forward"
_PROGRAMS: Final = ("rsync",)
# a drain of Postfix takes 5 s, a stop 90 s at most
_DEADLINE_S: Final = 120.0

Run = Callable[[Sequence[str]], None]


def systemctl(arguments: Sequence[str]) -> None:
    """Run systemctl.

    Raises:
        ChatmaildError: it fails; with the first line that it says.
    """
    try:
        done = subprocess.run(
            ["systemctl", *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=_DEADLINE_S,
            start_new_session=True,  # Ctrl-C is for us alone
        )
    except subprocess.TimeoutExpired as error:
        raise ChatmaildError(f"systemctl {arguments[0]} took more than {_DEADLINE_S} s") from error
    if done.returncode:
        said = next(iter(done.stderr.strip().splitlines()), "no reason given")
        raise ChatmaildError(f"systemctl {arguments[0]}: {said}")


def loaded(names: Sequence[str]) -> list[str]:
    """Return the units that this machine has."""
    return [unit.name for unit in units.states(names) if unit.load == "loaded"]


def active(names: Sequence[str]) -> list[str]:
    """Return the units that run, start or stop."""
    return [unit.name for unit in units.states(names) if unit.active not in ("inactive", "failed")]


def stopped(names: Sequence[str]) -> list[str]:
    """Return the units that do not run."""
    return [unit.name for unit in units.states(names) if unit.active != "active"]


def stop(names: Sequence[str], run: Run = systemctl) -> None:
    """Stop those units that there are, in the order that they declare, and wait."""
    found = loaded(names)
    if found:
        run(["stop", *found])


def start(names: Sequence[str], run: Run = systemctl) -> list[str]:
    """Start those units that there are, and return those that do not run."""
    found = loaded(names)
    if not found:
        return []
    for command in ("reset-failed", "start"):
        with contextlib.suppress(ChatmaildError):  # the states say which unit does not run
            run([command, *found])
    return stopped(found)


def look(settings: Settings) -> Look:
    """Return the facts of this machine."""
    place = Place.of(settings)
    move = place.load()
    found = trees.inventory(settings)
    free = os.statvfs(_existing(Path(settings.directories.state)))
    network = settings.network
    used = {"A": network.ipv4, "AAAA": network.ipv6}
    return Look(
        version=VERSION,
        settings=json.loads(json.dumps(dataclasses.asdict(settings))),
        is_root=os.geteuid() == 0,
        missing=tuple(name for name in _PROGRAMS if shutil.which(name) is None),
        wrong_units=tuple(_wrong_units(place.is_closed)),
        addresses=found.addresses,
        messages=found.messages,
        queued=found.queued,
        files=found.files,
        size_bytes=found.size_bytes,
        free_bytes=free.f_bavail * free.f_frsize,
        free_inodes=free.f_favail or None,
        addresses_by_type={kind: a for kind, a in sources_of_machine().items() if used[kind]},
        move={} if move is None else {"number": move.number, "phase": move.phase},
        clock_s=time.time(),
    )


def _wrong_units(is_closed: bool) -> list[str]:
    if active([UPGRADE]):
        return [f"{UPGRADE} runs: wait for its end"]
    if is_closed:
        return []
    daemons = units.states([*SERVICES, POSTFIX])
    return [f"{unit.name} is {unit.active}: start it" for unit in daemons if not unit.is_well]


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path


def as_json(found: Any) -> str:
    """Return a dataclass as a line of JSON."""
    return json.dumps(dataclasses.asdict(found))
