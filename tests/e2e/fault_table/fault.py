"""What a fault of the table is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

# in texts: a number, a name, a time
GAP = "…"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault: how it is provoked, and what an operator sees of it.

    Attributes:
        name: in words.
        provoke: shell script on the relay; $RELAY is its domain.
        undo: shell script that takes the cause away, where no command can.
        checks: checks of the selftest that fail, or warn; none if `chatmail status` sees it itself.
        alone: run the whole selftest: no other check fails.
        environment: variables for the selftest.
        sentence: what `chatmail status` says; GAP stands for any text.
        is_note: a warning, which is no problem for the exit code.
        repair: the repair that is shown with it.
        command: the part of the repair that can be run in a lab.
        shows: what the command prints, if it shows the cause; otherwise it heals.
        port: closed from outside while the fault is there.
        jobs: units that count for the metrics.
        metric: the series that moves.
        value: its value then; None for any other than before.
        alert: the alert that fires, for series with these labels.
        on_store: where a relay has several machines, it is provoked and seen on a store.
    """

    name: str
    provoke: str
    undo: str = ""
    checks: tuple[str, ...] = ()
    alone: bool = False
    environment: str = ""
    sentence: str
    is_note: bool = False
    repair: str
    command: str = ""
    shows: str = ""
    port: int | None = None
    jobs: tuple[str, ...] = ()
    metric: str
    value: float | None = None
    alert: str
    labels: Mapping[str, str] = field(default_factory=dict)
    on_store: bool = False

    def with_selector(self, selector: str) -> Fault:
        """The same with another selector of the DKIM key: each front of several has its own."""

        def changed(text: str) -> str:
            return re.sub(r"\bchatmail(?=\.(private|_domainkey))", selector, text)

        return replace(
            self,
            provoke=changed(self.provoke),
            undo=changed(self.undo),
            sentence=changed(self.sentence),
            repair=changed(self.repair),
            shows=changed(self.shows),
        )

    def is_named_by(self, sentence: str) -> bool:
        """Whether a sentence of `chatmail status` is about this fault."""
        return _matches(self.sentence, sentence)

    def is_repaired_by(self, repair: str) -> bool:
        """Whether a repair of `chatmail status` is the one of this fault."""
        return _matches(self.repair, repair)


def failing(
    check: str,
    sentence: str,
    repair: str,
    *,
    name: str,
    provoke: str,
    undo: str = "",
    alone: bool = False,
    environment: str = "",
    command: str = "",
    shows: str = "",
) -> Fault:
    """A fault that the selftest finds."""
    return Fault(
        name=name,
        provoke=provoke,
        undo=undo,
        checks=(check,),
        alone=alone,
        environment=environment,
        sentence=f"{check}: {sentence} (selftest {GAP} ago)",
        repair=f"{repair}; then chatmail selftest",
        command=command,
        shows=shows,
        metric=f'chatmail_selftest_passed{{check="{check}"}}',
        value=0,
        alert="ChatmailSelftestFailed",
        labels={"check": check},
    )


def _matches(text: str, found: str) -> bool:
    return re.fullmatch(".+".join(map(re.escape, text.split(GAP))), found) is not None
