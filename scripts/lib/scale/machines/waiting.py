"""Clients that return and then wait: CPU time of the return, memory while they wait."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

import labs
from bench import storm
from scale.machines.meters import MACHINES, ONE, Figures
from scale.machines.works import DOMAINS, SETTLE_S, Lab

# the processes that Dovecot starts for the first do not count
FIRST: Final = 100
WAITING: Final = (500, 2_000)
AT_ONCE: Final = 20
WITHIN_S: Final = 300.0
# a session hibernates after 1 s, and its process ends within a second more
HIBERNATED_S: Final = 4.0
NEW_TLS: Final = "with a new TLS session"
RESUMED: Final = "TLS session resumed"
ENDS: Final = "the end of a session"

ByRole = dict[str, list[Figures]]


@dataclass(slots=True)
class Waiting:
    """By role: KiB of a session by program, for some numbers of them; microseconds of a return."""

    memory_kib: dict[int, ByRole] = field(default_factory=dict)
    returns_us: dict[str, ByRole] = field(default_factory=dict)


def measured(lab: Lab, rounds: int) -> Waiting:
    """Let clients connect to the cluster and to one machine, in turns; then wait.

    Raises:
        LabFailedError: a client was refused.
    """
    found = Waiting()
    with contextlib.ExitStack() as stack:
        crowds = {
            domain: [
                stack.enter_context(storm.crowds(lab.name, count - before, domain))
                for before, count in zip((0, FIRST, *WAITING), (FIRST, *WAITING), strict=False)
            ]
            for domain in DOMAINS
        }
        for number in range(rounds):
            for domain in DOMAINS:
                _round(lab, domain, crowds[domain], found, is_new=number == 0)
    return found


def _round(
    lab: Lab,
    domain: str,
    crowds: Sequence[Sequence[storm.Clients]],
    found: Waiting,
    *,
    is_new: bool,
) -> None:
    first, *others = crowds
    roles = [role for role in MACHINES if (role == ONE) == (domain == DOMAINS[1])]
    # processes keep the memory of sessions that have ended, and new ones have new keys of tickets
    _restart(lab, [host for role in roles for host in MACHINES[role]])
    _land(first)
    time.sleep(HIBERNATED_S)
    empty_kib = lab.meters.memory_kib()
    had = FIRST
    for count, crowd in zip(WAITING, others, strict=True):
        used = _landing(lab, crowd, count - had)
        had = count
        time.sleep(HIBERNATED_S)
        now_kib = lab.meters.memory_kib()
        each_kib = {
            role: {
                name: (kib - empty_kib[role].get(name, 0)) / (count - FIRST)
                for name, kib in now_kib[role].items()
            }
            for role in roles
        }
        _add(found.memory_kib.setdefault(count, {}), roles, each_kib)
        # new addresses cost more
        if not is_new:
            _add(found.returns_us.setdefault(NEW_TLS, {}), roles, used)
    before = lab.meters.read()
    for crowd in crowds:
        storm.leave(crowd)
    time.sleep(HIBERNATED_S)
    used = lab.used(before, lab.meters.read(), had)
    _add(found.returns_us.setdefault(ENDS, {}), roles, used)
    used = _landing(lab, others[0], WAITING[0] - FIRST)
    _add(found.returns_us.setdefault(RESUMED, {}), roles, used)
    storm.leave(others[0])


def _add(found: ByRole, roles: Sequence[str], figures: dict[str, Figures]) -> None:
    for role in roles:
        found.setdefault(role, []).append(figures[role])


def _landing(lab: Lab, crowd: Sequence[storm.Clients], clients: int) -> dict[str, Figures]:
    """Let clients connect; return what one of them used."""
    before = lab.meters.read()
    _land(crowd)
    time.sleep(SETTLE_S)
    return lab.used(before, lab.meters.read(), clients)


def _land(crowd: Sequence[storm.Clients]) -> None:
    refusals = [
        refusal
        for landing in storm.land(crowd, AT_ONCE, WITHIN_S)
        for refusal in landing["refusals"]
    ]
    if refusals:
        raise labs.LabFailedError(f"refused: {Counter(refusals).most_common(3)}")


def _restart(lab: Lab, hosts: Sequence[str]) -> None:
    with ThreadPoolExecutor(len(hosts)) as pool:
        list(pool.map(lambda host: labs.output(lab.name, host, *_RESTART), hosts))


_RESTART: Final = ("systemctl", "restart", "dovecot")
