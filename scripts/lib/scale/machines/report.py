"""The figures of fronts, stores and one machine as tables."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from scale.machines.meters import ALL, FRONT, IN, ONE, OUT, STORE, TUNNEL, Figures
from scale.machines.waiting import Waiting
from scale.machines.works import WORKS, Costs
from steps import say

# microseconds; units that did less are left out
_LEAST_US: Final = 50.0
_ROLES: Final = (FRONT, STORE, ONE)
_NOT_CPU: Final = (ALL, IN, OUT, TUNNEL)
_KIND: Final = f"{'':34}{'front':>21}{'store':>21}{'both':>7}{ONE:>21}{'ratio':>7}"

Rounds = Sequence[Mapping[str, Figures]]  # by role


def cpu_us(figures: Figures) -> float:
    """The CPU time of a machine without the tunnel, which is in the kernel elsewhere."""
    return figures[ALL] - figures.get(TUNNEL, 0)


def print_rest(rounds: Rounds) -> None:
    """Print what each role uses while nothing is to do."""
    say("\nat rest, CPU time of a second in ms: median (lowest to highest); the stores together")
    _print_row("", rounds, lambda figures: cpu_us(figures) / 1e3)
    _print_row("  wireguard-go", rounds, lambda figures: figures.get(TUNNEL, 0) / 1e3)
    _print_units(rounds)


def print_costs(rounds: Sequence[Costs]) -> None:
    """Print a line for each work, and one for each unit that takes part."""
    say("\nCPU time in ms, without wireguard-go: median (lowest to highest); the stores together")
    for work in WORKS:
        found = [each[work] for each in rounds]
        _print_row(work, found, lambda figures: cpu_us(figures) / 1e3)
        _print_row("  wireguard-go", found, lambda figures: figures.get(TUNNEL, 0) / 1e3)
        _print_row("  KB in", found, lambda figures: figures[IN] / 1e3)
        _print_row("  KB out", found, lambda figures: figures[OUT] / 1e3)
        _print_units(found)


def print_waiting(found: Waiting) -> None:
    """Print what a return costs, and the memory of a session that waits."""
    say("\na client that returns (LOGIN, ID, quota, SELECT, IDLE), CPU time in ms")
    for kind, roles in found.returns_us.items():
        rounds = _by_round(roles)
        _print_row(kind, rounds, lambda figures: cpu_us(figures) / 1e3)
        _print_row("  wireguard-go", rounds, lambda figures: figures.get(TUNNEL, 0) / 1e3)
        _print_units(rounds)
    say("\nmemory of a session that waits, KiB (PSS)")
    for count, roles in found.memory_kib.items():
        rounds = _by_round(roles)
        _print_row(f"{count} sessions", rounds, lambda figures: sum(figures.values()))
        for role, each in roles.items():
            medians = {
                name: statistics.median(figures.get(name, 0) for figures in each)
                for name in each[0]
            }
            used = sorted(medians.items(), key=lambda pair: -pair[1])
            parts = ", ".join(f"{name} {kib:.1f}" for name, kib in used if kib >= 0.1)
            say(f"      {role}: {parts}")


def _by_round(roles: Mapping[str, Sequence[Figures]]) -> Rounds:
    return [dict(zip(roles, each, strict=True)) for each in zip(*roles.values(), strict=True)]


def _print_row(name: str, rounds: Rounds, value: Callable[[Figures], float]) -> None:
    if not name.startswith(" "):
        say(_KIND)
    found = {role: [value(each[role]) for each in rounds] for role in _ROLES}
    cells = [_cell(found[role]) for role in _ROLES]
    both = statistics.median(found[FRONT]) + statistics.median(found[STORE])
    one = statistics.median(found[ONE])
    ratio = f"{both / one:.2f}" if one >= 0.1 else "-"
    say(f"{name:34}{cells[0]:>21}{cells[1]:>21}{both:7.2f}{cells[2]:>21}{ratio:>7}")


def _cell(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def _print_units(rounds: Rounds) -> None:
    for role in _ROLES:
        units = {unit for each in rounds for unit in each[role]} - set(_NOT_CPU)
        medians = {
            unit.removesuffix(".service"): statistics.median(
                each[role].get(unit, 0) for each in rounds
            )
            for unit in units
        }
        used = sorted(medians.items(), key=lambda pair: -pair[1])
        parts = ", ".join(f"{unit} {us / 1e3:.2f}" for unit, us in used if us >= _LEAST_US)
        if parts:
            say(f"      {role}: {parts}")
