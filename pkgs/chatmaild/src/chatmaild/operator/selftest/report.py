"""What the checks found, for people and for programs."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from chatmaild.store.files import write_atomically


class Outcome(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    WARNED = "warned"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check; the detail says what was found, or what to do next."""

    name: str
    outcome: Outcome
    detail: str


def passed(name: str, detail: str) -> Check:
    """All is well."""
    return Check(name=name, outcome=Outcome.PASSED, detail=detail)


def warned(name: str, detail: str) -> Check:
    """Something that need not be the fault of this machine."""
    return Check(name=name, outcome=Outcome.WARNED, detail=detail)


def failed(name: str, detail: str) -> Check:
    """This relay does not do what it must."""
    return Check(name=name, outcome=Outcome.FAILED, detail=detail)


def is_healthy(checks: Iterable[Check]) -> bool:
    """Whether nothing failed."""
    return all(check.outcome is not Outcome.FAILED for check in checks)


def as_text(checks: Iterable[Check]) -> str:
    """One line for each check."""
    return "\n".join(f"{check.outcome:<6}  {check.name}: {check.detail}" for check in checks)


def as_json(checks: Iterable[Check]) -> str:
    """`{"checks": [{"name", "outcome", "detail"}]}`, as the guarded upgrade reads it."""
    return json.dumps({"checks": [asdict(check) for check in checks]}, indent=2)


def write(path: Path, checks: Iterable[Check]) -> None:
    """Keep the report as JSON, readable by everybody: it names nobody."""
    write_atomically(path, as_json(checks).encode(), mode=0o644)
