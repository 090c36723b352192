"""Decides whether a new system stays; needs no machine."""

import dataclasses
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
        """Whether the operator has nothing to do."""
        return self in (Outcome.UNCHANGED, Outcome.KEPT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The checks of `chatmail selftest` that failed, each with its reason."""

    failed: dict[str, str] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return not self.failed

    @classmethod
    def from_report(cls, text: str) -> Self:
        """Read the report of `chatmail selftest`; an unreadable one is a failed check."""
        try:
            checks: list[dict[str, Any]] = json.loads(text)["checks"]
            failed = {
                str(check["name"]): str(check["detail"])
                for check in checks
                if check["outcome"] == "failed"
            }
        except (KeyError, TypeError, ValueError) as error:
            return cls(failed={"report": f"the report cannot be read: {error!r}"})
        if not checks:
            return cls(failed={"report": "the report has no checks"})
        return cls(failed=failed)


def broken_by_upgrade(before: Health, after: Health) -> dict[str, str]:
    """The checks that the new system fails and the previous one passed.

    A check that failed before (an unreachable notification server, say) must not block security
    fixes.
    """
    return {name: reason for name, reason in after.failed.items() if name not in before.failed}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What an upgrade did and why; stored as JSON."""

    outcome: Outcome
    started: str
    previous: str
    candidate: str | None = None
    reason: str | None = None
    before: dict[str, str] = field(default_factory=dict)
    after: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a stored report.

        Raises:
            KeyError, TypeError, ValueError: it is not one.
        """
        table: dict[str, Any] = json.loads(text)
        return cls(**table | {"outcome": Outcome(table["outcome"])})

    def to_json(self) -> str:
        """The text to store."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    def sentence(self) -> str:
        """One line for the journal and the screen."""
        text = {
            Outcome.UNCHANGED: "nothing to do: the running system is the newest",
            Outcome.BUILD_FAILED: "the new system could not be built; nothing was changed",
            Outcome.KNOWN_BAD: "this system failed in an earlier upgrade; nothing was changed",
            Outcome.KEPT: "mail works; the new system stays",
            Outcome.RETURNED: "the new system failed; the previous one runs again",
            Outcome.STUCK: "the new system failed, and the previous one cannot be activated",
        }[self.outcome]
        return f"{text}: {self.reason}" if self.reason else text
