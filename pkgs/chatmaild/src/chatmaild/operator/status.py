"""`chatmail status`: the relay's state on one screen."""

import contextlib
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from chatmaild.accounts.login import kind_of_address
from chatmaild.accounts.registration import MEGABYTE, measure
from chatmaild.operator import registration
from chatmaild.settings import Settings
from chatmaild.store.invites import Invites
from chatmaild.store.mailboxes import DAY_S, Mailboxes
from chatmaild.store.notifications import DIRECTORY
from chatmaild.store.space import shortage, spaces

WATCHES = Path("/proc/sys/fs/inotify/max_user_instances")
ACTIVE_DAYS = (1, 10, 30, 40, 80)


def lines(settings: Settings) -> list[str]:
    """Return the lines of the screen: domain, registration, addresses, machine, queues, units."""
    machine = measure(Path(settings.directories.mail))
    usable = [i for i in Invites.of(settings).all() if not i.refusal(time.time())]
    return [
        f"relay          {settings.domain}, certificate: {settings.tls.mode}",
        *_certificate(settings),
        f"registration   {'; '.join(registration.status(settings))}",
        f"invites        {len(usable)} usable",
        *_addresses(Mailboxes.of(settings)),
        f"notifications  {_count(Path(settings.directories.accounts) / DIRECTORY)} waiting",
        f"load           {_number(machine.load)}",
        f"free memory    {_number(machine.free_memory_megabytes)} MiB",
        f"free disk      {_number(machine.free_disk_megabytes)} MiB"
        f" of {shutil.disk_usage(settings.directories.mail).total // MEGABYTE} MiB",
        *_space(settings),
        *_watches(settings),
        *(f"{state:<14} {unit}" for unit, state in _unit_states(settings.units).items()),
    ]


def _certificate(settings: Settings) -> list[str]:
    """Return why the given certificate is not used (written by take-certificate.sh)."""
    with contextlib.suppress(OSError):
        problem = (Path(settings.directories.tls) / "problem").read_text().strip()
        return [f"certificate    {problem}"]
    return []


def _addresses(mailboxes: Mailboxes) -> list[str]:
    kinds: Counter[str] = Counter()
    active: Counter[int] = Counter()
    now_s = time.time()
    for address in mailboxes.addresses():
        kinds[kind_of_address(address)] += 1
        age_s = now_s - (mailboxes.last_login_s(address) or 0)
        active.update(days for days in ACTIVE_DAYS if age_s < (days + 1) * DAY_S)
    recent = ", ".join(f"{active[days]} in {days}" for days in ACTIVE_DAYS)
    return [
        f"addresses      {kinds.total()}: {kinds['user']} of people, {kinds['ci']} of tests",
        f"logged in      {recent} days",
    ]


def _space(settings: Settings) -> list[str]:
    """Return why mail waits, if a disk is nearly full."""
    problem = shortage(spaces(settings))
    return [f"space          {problem}"] if problem else []


def _watches(settings: Settings) -> list[str]:
    """Warn where the container's host grants too few inotify watches: one per IDLE session."""
    with contextlib.suppress(OSError, ValueError):
        most = int(WATCHES.read_text())
        wanted = settings.limits.imap_connections
        if most < wanted:
            said = f"{most} sessions can wait at a time, for want of fs.inotify on this machine"
            return [f"waiting        {said}; {wanted} may log in"]
    return []


def _count(directory: Path) -> int:
    try:
        return sum(1 for _ in directory.iterdir())
    except FileNotFoundError:
        return 0


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def _unit_states(units: Sequence[str]) -> dict[str, str]:
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        answer = subprocess.run(
            ["systemctl", "is-active", *units],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
        states = answer.stdout.split()
        if len(states) == len(units):
            return dict(zip(units, states, strict=True))
    return {}
