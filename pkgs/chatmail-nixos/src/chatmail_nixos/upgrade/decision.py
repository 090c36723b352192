"""Whether a new system stays: decisions without a machine."""

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self


class Outcome(StrEnum):
    """How an upgrade ended."""

    UNCHANGED = "unchanged"
    BUILD_FAILED = "build failed"
    KNOWN_BAD = "known bad"
    KEPT = "kept"
    RETURNED = "returned"
    STUCK = "stuck"

    @property
    def success(self) -> bool:
        """Whether an operator has nothing to do."""
        return self in (Outcome.UNCHANGED, Outcome.KEPT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What the health gate found: the checks that failed, each with its reason."""

    failed: dict[str, str] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return not self.failed

    @classmethod
    def from_report(cls, text: str) -> Self:
        """Read the report of `chatmail selftest`; one that cannot be read is a failed check."""
        try:
            checks: list[dict[str, Any]] = json.loads(text)["checks"]
            failed = {
                str(check["name"]): str(check["detail"])
                for check in checks
                if check["outcome"] == "failed"
            }
        except (KeyError, TypeError, ValueError) as problem:
            return cls(failed={"report": f"the report cannot be read: {problem!r}"})
        if not checks:
            return cls(failed={"report": "the report names no check"})
        return cls(failed=failed)


def broken_by_upgrade(before: Health, after: Health) -> dict[str, str]:
    """The checks that the new system fails and the previous one passed.

    What failed before (a notification server out of reach, say) is no fault of the new system, and
    must not keep its security fixes away.
    """
    return {name: reason for name, reason in after.failed.items() if name not in before.failed}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What an upgrade did and why; kept as JSON."""

    outcome: Outcome
    started: str
    previous: str
    candidate: str | None = None
    reason: str | None = None
    before: dict[str, str] = field(default_factory=dict)
    after: dict[str, str] = field(default_factory=dict)

    def sentence(self) -> str:
        """One line for the journal and the screen."""
        told = {
            Outcome.UNCHANGED: "nothing new: the running system is the newest",
            Outcome.BUILD_FAILED: "the new system could not be built; nothing was changed",
            Outcome.KNOWN_BAD: "this system was sent back before; nothing was changed",
            Outcome.KEPT: "the new system passed the health gate and stays",
            Outcome.RETURNED: "the new system failed; the previous one is running again",
            Outcome.STUCK: "the new system failed, and so did the return to the previous one",
        }[self.outcome]
        return f"{told}: {self.reason}" if self.reason else told
