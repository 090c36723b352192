"""The state that `chatmail status` shows; a part that fails does not stop the others."""

import contextlib
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from chatmaild.accounts.cluster.identity import known_of_store
from chatmaild.accounts.login import kind_of_address
from chatmaild.accounts.registration import measure
from chatmaild.cli import VERSION
from chatmaild.errors import ChatmaildError, DecisionError
from chatmaild.flow import last_hour
from chatmaild.metrics import numbers
from chatmaild.metrics.backups import Last
from chatmaild.metrics.cgroups import running
from chatmaild.operator import registration
from chatmaild.operator.move.state import why_closed
from chatmaild.operator.privileges import acting_as
from chatmaild.operator.selftest import report
from chatmaild.operator.selftest.machine import units
from chatmaild.operator.selftest.machine.units import Unit
from chatmaild.operator.status import machines as cluster
from chatmaild.operator.status import queue, sessions
from chatmaild.rebalance import progress
from chatmaild.rebalance.progress import Progress
from chatmaild.settings import Settings
from chatmaild.store.decisions import domains
from chatmaild.store.invites import Invites
from chatmaild.store.mailboxes import account_of
from chatmaild.store.notifications import DIRECTORY
from chatmaild.store.space import Space, spaces

WATCHES: Final = Path("/proc/sys/fs/inotify/max_user_instances")
UPGRADE: Final = Path("/var/lib/chatmail-upgrade/last-report.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """The certificate that daemons use.

    Attributes:
        problem: why it cannot be used, or why the operator's own is not.
    """

    mode: str
    expires: datetime | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Counters of the last hour by name, and their start; None without counters."""

    since_s: float | None
    counts: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The state of the relay. A text in place of a list is the reason why it is unknown.

    A machine of a cluster has no part that its role does not have (None). On a front the numbers of
    accounts are those of all stores that answer.

    Attributes:
        closed: why no mail service starts here, and what to do: `chatmail move`.
        machine: the name of this machine in its cluster.
        machines: the others.
    """

    now_s: float
    version: str
    domain: str
    certificate: Certificate | None
    registration: list[str]
    invites: int
    people: int
    tests: int
    sessions: dict[str, int]
    flow: Flow
    queue: list[queue.Destination] | str | None
    queued: int
    listing: str = field(repr=False)
    notifications: int
    load: float | None
    free_memory_megabytes: float | None
    least_memory_megabytes: float
    spaces: list[Space]
    units: list[units.Unit] | str
    watches: int | None
    watches_wanted: int
    selftest: report.Report | None
    upgrade: dict[str, Any] | None
    # why the rules for domains cannot be read, None if they can
    domains: str | None = None
    closed: tuple[str, str] | None = None
    # None: services.chatmail.backup is off, and nobody made one by hand
    backup: Last | None = None
    # of the last conversion of mailboxes: format, left, converted, failed; empty before the first
    storage: dict[str, Any] = field(default_factory=dict)
    # moves to other stores
    moves: Progress = field(default_factory=Progress)
    # of a store: accounts.cluster.identity
    identity: str | None = None
    role: str = "all"
    machine: str | None = None
    machines: tuple[cluster.Machine, ...] = ()


def gather(settings: Settings) -> State:
    """Read the whole state."""
    role = settings.cluster.role
    others = cluster.gather(settings)
    machine = measure(Path(settings.directories.mail))
    accounts = cluster.accounts(others) if role == "front" else _accounts(settings)
    destinations, listing = (None, "") if role == "store" else _queue()
    return State(
        now_s=time.time(),
        version=VERSION,
        domain=settings.domain,
        certificate=None if role == "store" else certificate(settings),
        registration=accounts.registration,
        invites=accounts.invites,
        people=accounts.people,
        tests=accounts.tests,
        sessions=sessions.count(settings),
        flow=_flow(settings, others),
        queue=destinations,
        queued=queue.messages(listing),
        listing=listing,
        notifications=accounts.notifications,
        load=machine.load,
        free_memory_megabytes=machine.free_memory_megabytes,
        least_memory_megabytes=settings.registration.min_free_memory_megabytes,
        spaces=spaces(settings),
        units=_units(settings),
        # sessions wait where the mailboxes are
        watches=None if role == "front" else _watches(),
        watches_wanted=settings.limits.imap_connections,
        selftest=report.last(settings),
        upgrade=_upgrade(),
        domains=None if role == "store" else _domains(settings),
        closed=_closed(settings),
        backup=_backup(settings),
        storage=dict(numbers.read(settings, numbers.STORAGE)),
        moves=progress.read(settings),
        identity=_identity(settings),
        role=role,
        machine=settings.cluster.machine,
        machines=others,
    )


def count_addresses(directory: Path) -> tuple[int, int]:
    """The numbers of addresses of people and of tests, from directory names only."""
    people = tests = 0
    with contextlib.suppress(OSError):
        for name in os.listdir(directory):  # noqa: PTH208 - only names are needed
            if "@" not in name or name.startswith("."):
                continue
            if not name.startswith("ci-"):
                people += 1
            elif (address := account_of(name)) is not None:
                is_test = kind_of_address(address) == "ci"
                people, tests = people + (not is_test), tests + is_test
    return people, tests


def certificate(settings: Settings) -> Certificate:
    """The certificate in the file that daemons use (take-certificate.sh writes `problem`)."""
    from cryptography import x509

    problem = None
    with contextlib.suppress(OSError):
        problem = (Path(settings.directories.tls) / "problem").read_text().strip() or None
    try:
        found = x509.load_pem_x509_certificate(Path(settings.tls.certificate_file).read_bytes())
    except (OSError, ValueError):
        problem = problem or f"{settings.tls.certificate_file} cannot be used"
        return Certificate(mode=settings.tls.mode, problem=problem)
    expires = found.not_valid_after_utc.astimezone(UTC)
    return Certificate(mode=settings.tls.mode, expires=expires, problem=problem)


def _accounts(settings: Settings) -> cluster.Accounts:
    """The accounts of this machine."""
    people, tests = count_addresses(Path(settings.directories.mail))
    return cluster.Accounts(
        registration=registration.status(settings),
        invites=sum(not invite.refusal(time.time()) for invite in Invites.of(settings).all()),
        people=people,
        tests=tests,
        notifications=_count(Path(settings.directories.accounts) / DIRECTORY),
    )


def _flow(settings: Settings, others: Sequence[cluster.Machine]) -> Flow:
    """The counters of this machine and, on a front, of the stores."""
    since_s, counts = last_hour.read(_flow_files(settings))
    starts, sums = cluster.counts(others)
    if since_s is not None:
        starts.append(since_s)
    return Flow(since_s=max(starts, default=None), counts=dict(sums + counts))


def _flow_files(settings: Settings) -> list[Path]:
    sockets = settings.sockets
    found = {Path(path).parent / last_hour.NAME for path in (sockets.metadata, sockets.mxdeliv)}
    return sorted(found)


def _queue() -> tuple[list[queue.Destination] | str, str]:
    try:
        text = queue.listing()
        return queue.by_destination(text), text
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"{error}", ""


def _units(settings: Settings) -> list[units.Unit] | str:
    try:
        return units.states(settings.units)
    except OSError as error:
        # asked by a front, this has the rights of a service, and systemd may not answer that
        if found := running(settings):
            return [Unit(name=n, active="active" if up else "inactive") for n, up in found.items()]
        return f"systemd does not answer: {error}"


def _identity(settings: Settings) -> str | None:
    with contextlib.suppress(OSError):
        return known_of_store(settings)
    return None


def _closed(settings: Settings) -> tuple[str, str] | None:
    try:
        return why_closed(settings)
    except (OSError, ChatmaildError) as error:
        return "whether this relay moves is unknown", str(error)


def _watches() -> int | None:
    with contextlib.suppress(OSError, ValueError):
        return int(WATCHES.read_text())
    return None


def _domains(settings: Settings) -> str | None:
    try:
        with acting_as(settings.users.filter):  # root reads every file
            domains.stored(settings)
    except DecisionError as error:
        return str(error)
    return None


def _backup(settings: Settings) -> Last | None:
    last = Last.of(settings)
    return last if settings.backup.enable or last != Last() else None


def _upgrade() -> dict[str, Any] | None:
    with contextlib.suppress(OSError, ValueError):
        found = json.loads(UPGRADE.read_text())
        return found if isinstance(found, dict) else None
    return None


def _count(directory: Path) -> int:
    try:
        return sum(1 for _ in directory.iterdir())
    except OSError:
        return 0
