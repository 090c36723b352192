"""The result for one record: its state, what is wrong, and what to enter where."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from chatmaild.settings import DnsRecord

OK: Final = "ok"
MISSING: Final = "missing"
DIFFERS: Final = "differs"
UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A record and its state.

    Attributes:
        record: the record as `chatmail dns` prints it.
        state: `ok`, `missing`, `differs` or `unknown` (no answer).
        published: values in DNS now.
        problem: the effect of these values; empty if there is none.
        hint: what to enter where; empty without a problem.
    """

    record: DnsRecord
    state: str
    published: tuple[str, ...] = ()
    problem: str = ""
    hint: str = ""

    @property
    def is_fault(self) -> bool:
        """Whether mail, logins or the certificate suffer."""
        return self.state != OK and self.record.required

    def line(self) -> str:
        """Return one line: state, weight, name, type, expected and published values."""
        weight = "required" if self.record.required else "recommended"
        text = f"{self.state:<8} {weight:<12} {self.record.name} {self.record.type}"
        if self.state == OK:
            return text
        wanted = self.record.value or "the address of this machine"
        there = f", published: {'; '.join(self.published)}" if self.published else ""
        return f"{text}, expected: {wanted}{there}"

    def lines(self) -> list[str]:
        """Return `line`, then the problem and the hint, indented."""
        more = [self.problem] if self.problem else []
        more += [f"-> {self.hint}"] if self.hint else []
        return [self.line(), *(f"{'':<9}{text}" for text in more)]

    def as_json(self) -> dict[str, Any]:
        """Return the finding for programs."""
        return {
            "name": self.record.name,
            "type": self.record.type,
            "required": self.record.required,
            "state": self.state,
            "expected": self.record.value,
            "published": list(self.published),
            "problem": self.problem,
            "hint": self.hint,
        }


def good(record: DnsRecord, published: Iterable[str]) -> Finding:
    """Return a finding without a problem."""
    return Finding(record=record, state=OK, published=tuple(published))


def missing(record: DnsRecord, problem: str, hint: str) -> Finding:
    """Return a finding: nothing is published."""
    return Finding(record=record, state=MISSING, problem=problem, hint=hint)


def wrong(
    record: DnsRecord, published: Iterable[str], problem: str, hint: str, *, harmful: bool = False
) -> Finding:
    """Return a finding: the published values do not work.

    Args:
        harmful: worse than no record, so it counts as required.
    """
    return Finding(
        record=replace(record, required=True) if harmful else record,
        state=DIFFERS,
        published=tuple(published),
        problem=problem,
        hint=hint,
    )
