"""The units of the relay are active."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from chatmaild.operator.selftest.report import Check, failed, ok
from chatmaild.settings import Settings

NAME: Final = "units"
DEADLINE_S: Final = 10.0
_PROPERTIES: Final = (
    "Id",
    "ActiveState",
    "ConditionResult",
    "ConditionTimestampMonotonic",
    "LoadState",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A unit as `systemctl show` describes it."""

    name: str
    active: str
    load: str = "loaded"
    # False: systemd did not start it, because a condition of the unit fails here
    condition: bool = True

    @property
    def is_well(self) -> bool:
        """Whether it is active, or not meant to run here."""
        return self.active == "active" or (self.active == "inactive" and not self.condition)


def check(settings: Settings) -> Check:
    """Ask systemd, and decide."""
    return judge(states(settings.units))


def states(units: Sequence[str]) -> list[Unit]:
    """The state of units, in this order.

    Raises:
        OSError: systemd does not answer.
    """
    names = [unit if "." in unit else f"{unit}.service" for unit in units]
    command = ["systemctl", "show", f"--property={','.join(_PROPERTIES)}", *names]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=DEADLINE_S, check=True
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise OSError(f"systemctl show: {type(error).__name__}") from error
    found = [parse(block) for block in done.stdout.strip().split("\n\n")]
    if len(found) != len(units):
        raise OSError("systemctl show: an answer is missing")
    # an alias has another Id than the name that was asked for
    return [
        Unit(name=name, active=unit.active, load=unit.load, condition=unit.condition)
        for name, unit in zip(units, found, strict=True)
    ]


def parse(block: str) -> Unit:
    """A unit from the lines `KEY=VALUE` of `systemctl show`."""
    found: Mapping[str, str] = dict(line.partition("=")[::2] for line in block.splitlines())
    return Unit(
        name=found.get("Id", ""),
        active=found.get("ActiveState", "unknown"),
        load=found.get("LoadState", "loaded"),
        # a unit that was never started has the result "no" without a time
        condition=found.get("ConditionResult", "yes") != "no"
        or found.get("ConditionTimestampMonotonic", "0") == "0",
    )


def judge(found: Sequence[Unit]) -> Check:
    """Decide: all are active."""
    wrong = [unit for unit in found if not unit.is_well]
    if not wrong:
        return ok(NAME, f"all {len(found)} units of the relay run")
    said = ", ".join(
        f"{unit.name} is {'missing' if unit.load == 'not-found' else unit.active}" for unit in wrong
    )
    names = " ".join(unit.name for unit in wrong)
    return failed(
        NAME, said, f"systemctl restart {names}; if that fails: journalctl --unit {wrong[0].name}"
    )
