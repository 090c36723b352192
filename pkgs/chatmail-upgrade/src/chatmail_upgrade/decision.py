"""Decides whether a new system stays; needs no machine."""

import dataclasses
import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Self

# `passed` in reports up to 0.2.0
_WELL: Final = ("ok", "warned", "passed")
# failures of the selftest as a whole: the report is missing, unreadable, or its unit was killed
_WITHOUT_CHECKS: Final = ("gate", "report")


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
    """The checks of `chatmail selftest` that failed, each with its reason.

    Attributes:
        well: the checks that passed or warned; None if the report could not be read.
    """

    failed: dict[str, str] = field(default_factory=dict)
    well: frozenset[str] | None = None

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
                str(check["name"]): str(check.get("sentence") or check["detail"])
                for check in checks
                if _verdict(check) == "failed"
            }
            well = frozenset(str(c["name"]) for c in checks if _verdict(c) in _WELL)
        except (KeyError, TypeError, ValueError) as error:
            return cls(failed={"report": f"the report cannot be read: {error!r}"})
        if not checks:
            return cls(failed={"report": "the report has no checks"})
        return cls(failed=failed, well=well)


def _verdict(check: dict[str, Any]) -> str:
    """The verdict of a check; `outcome` in reports up to 0.2.0."""
    return str(check["verdict"] if "verdict" in check else check["outcome"])


def broken_by_upgrade(before: Health, after: Health) -> dict[str, str]:
    """The checks that the new system fails and the previous one passed.

    A check that failed before (port 25 that the provider blocks, say), or that the previous system
    skipped or did not have, must not block security fixes.
    """
    return {
        name: reason
        for name, reason in after.failed.items()
        if name not in before.failed
        and (before.well is None or name in before.well or name in _WITHOUT_CHECKS)
    }


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
