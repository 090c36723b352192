"""The report of a selftest, for people and for programs."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Self

from chatmaild.settings import Settings
from chatmaild.store.files import write_atomically

FILE: Final = "selftest.json"
# `chatmail-upgrade` up to 0.2.0 reads `outcome`, and undoes an upgrade if an unknown check fails:
# `outcome` is "failed" for these checks only
_KNOWN_TO_0_2: Final = frozenset(
    ("certificate", "dkim", "login", "message", "plain-text", "queue", "space")
)


class Verdict(StrEnum):
    """How a check ended."""

    OK = "ok"
    # does not fail the selftest: others may be at fault, or this machine cannot know
    WARNED = "warned"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check: a sentence with the result, and the command or action that repairs it."""

    name: str
    verdict: Verdict
    sentence: str
    repair: str = ""


def ok(name: str, sentence: str) -> Check:
    """The check passed."""
    return Check(name=name, verdict=Verdict.OK, sentence=sentence)


def warned(name: str, sentence: str, repair: str = "") -> Check:
    """A problem that may not be the fault of this machine."""
    return Check(name=name, verdict=Verdict.WARNED, sentence=sentence, repair=repair)


def failed(name: str, sentence: str, repair: str = "") -> Check:
    """A fault of this relay."""
    return Check(name=name, verdict=Verdict.FAILED, sentence=sentence, repair=repair)


def skipped(name: str, reason: str) -> Check:
    """There is nothing to check, or no way to check it."""
    return Check(name=name, verdict=Verdict.SKIPPED, sentence=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One selftest."""

    version: str
    time: datetime
    duration_s: float
    checks: tuple[Check, ...]

    @property
    def is_healthy(self) -> bool:
        """Whether no check failed."""
        return not self.failed

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if check.verdict is Verdict.FAILED)

    def to_json(self) -> str:
        """The text to store and to print; `chatmail status`, metrics and upgrades read it."""
        table = {
            "version": self.version,
            "time": self.time.astimezone(UTC).isoformat(timespec="seconds"),
            "duration_seconds": round(self.duration_s, 3),
            "healthy": self.is_healthy,
            "checks": [asdict(check) | _older_keys(check) for check in self.checks],
        }
        return json.dumps(table, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a stored report.

        Raises:
            KeyError, TypeError, ValueError: it is not one.
        """
        table: dict[str, Any] = json.loads(text)
        return cls(
            version=str(table["version"]),
            time=datetime.fromisoformat(table["time"]),
            duration_s=float(table["duration_seconds"]),
            checks=tuple(
                Check(
                    name=str(check["name"]),
                    verdict=Verdict(check["verdict"]),
                    sentence=str(check["sentence"]),
                    repair=str(check["repair"]),
                )
                for check in table["checks"]
            ),
        )


def as_text(checks: Iterable[Check]) -> str:
    """One line for each check, and a second one with the repair."""
    lines = []
    for check in checks:
        lines.append(f"{check.verdict:<7}  {check.name}: {check.sentence}")
        if check.repair and check.verdict is not Verdict.OK:
            lines.append(f"{'':<7}  {'':<{len(check.name)}}  repair: {check.repair}")
    return "\n".join(lines)


def last(settings: Settings) -> Report | None:
    """The last whole selftest; None if there is none that can be read."""
    try:
        return Report.from_json(path(settings).read_text(encoding="utf-8"))
    except (OSError, KeyError, TypeError, ValueError):
        return None


def path(settings: Settings) -> Path:
    """The file with the last whole selftest."""
    return Path(settings.directories.state) / FILE


def write(file: Path, report: Report) -> None:
    """Write the report as JSON, readable by every user: it has no personal data.

    Raises:
        OSError: the disk is full.
    """
    write_atomically(file, report.to_json().encode(), mode=0o644)


def _older_keys(check: Check) -> dict[str, str]:
    match check.verdict:
        case Verdict.FAILED if check.name in _KNOWN_TO_0_2:
            outcome = "failed"
        case Verdict.FAILED | Verdict.WARNED:
            outcome = "warned"
        case _:
            outcome = "passed"
    return {"outcome": outcome, "detail": check.sentence}
