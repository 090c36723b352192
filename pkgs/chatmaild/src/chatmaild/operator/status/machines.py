"""The other machines of a cluster: on a front the stores with their own state, and the fronts."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from chatmaild.accounts.cluster.identity import Identities
from chatmaild.errors import ChatmaildError
from chatmaild.operator.cluster import remote, tunnel
from chatmaild.operator.privileges import acting_as
from chatmaild.settings import Settings

# a busy store takes some seconds
ANSWER_S: Final = 15.0
STATUS: Final = ("status", "--json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Another machine.

    Attributes:
        problem: why it gave no answer; empty if it did.
        is_other: whether it is not the store that this front knows by the name.
        told: what `chatmail status --json` of a store says. Fronts tell nothing: see `tunnel`.
    """

    name: str
    role: str
    problem: str = ""
    is_other: bool = False
    told: Mapping[str, Any] = field(default_factory=dict)

    def number(self, key: str) -> int:
        """Return a number that it told; 0 for none, as of another version."""
        value = self.told.get(key)
        return int(value) if isinstance(value, int | float) else 0

    def list_of(self, key: str) -> list[dict[str, Any]]:
        """Return objects that it told."""
        value = self.told.get(key)
        return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """What a relay knows of its accounts, on one machine or on all stores that answer."""

    registration: list[str]
    invites: int
    people: int
    tests: int
    notifications: int


def gather(settings: Settings) -> tuple[Machine, ...]:
    """Ask the others: a front all machines, a store the fronts; none without a cluster."""
    match settings.cluster.role:
        case "front":
            return (*_stores(settings), *_fronts(settings))
        case "store":
            return _fronts(settings)
    return ()


def accounts(found: Sequence[Machine]) -> Accounts:
    """Add up what the stores told."""
    told = [machine for machine in found if machine.told]
    texts = {"; ".join(map(str, machine.told.get("registration") or ())) for machine in told}
    return Accounts(
        registration=sorted(texts) if len(texts) < 2 else ["not the same on all stores"],
        invites=sum(machine.number("invites") for machine in told),
        people=sum(machine.number("people") for machine in told),
        tests=sum(machine.number("tests") for machine in told),
        notifications=sum(machine.number("notifications") for machine in told),
    )


def counts(found: Sequence[Machine]) -> tuple[list[float], Counter[str]]:
    """Return the starts and the sums of the stores' counters of the last hour."""
    starts: list[float] = []
    sums: Counter[str] = Counter()
    for machine in found:
        flow = machine.told.get("flow")
        if not isinstance(flow, dict) or not isinstance(flow.get("since_s"), int | float):
            continue
        starts.append(flow["since_s"])
        sums.update({str(k): int(n) for k, n in dict(flow.get("counts") or {}).items()})
    return starts, sums


def _stores(settings: Settings) -> tuple[Machine, ...]:
    with acting_as(settings.users.mail):
        known = Identities.of(settings)

    def ask(name: str) -> Machine:
        try:
            done = remote.run(settings, name, STATUS, within_s=ANSWER_S)
            told = json.loads(done.out)
        except ChatmaildError as error:
            return Machine(name=name, role="store", problem=str(error))
        except ValueError:
            told = None
        if not isinstance(told, dict):
            return Machine(name=name, role="store", problem=f"{name} cannot tell: {done.err}")
        is_other = known.is_other(name, told.get("identity"))
        return Machine(name=name, role="store", told=told, is_other=is_other)

    return tuple(remote.each(settings.cluster.stores, ask).values())


def _fronts(settings: Settings) -> tuple[Machine, ...]:
    silent = tunnel.silent_fronts(settings)
    return tuple(
        Machine(
            name=name,
            role="front",
            problem=f"the front {name} does not answer in the tunnel" if name in silent else "",
        )
        for name in sorted(settings.cluster.fronts)
        if name != settings.cluster.machine
    )
