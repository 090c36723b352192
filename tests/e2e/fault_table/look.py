"""What an operator sees of a relay: `chatmail status`, `chatmail selftest`, the metrics."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from chatmail_testkit.relays.target import Machine
from prometheus_client.parser import text_string_to_metric_families

REPORT: Final = "/var/lib/chatmail/selftest.json"
_MARK: Final = "-----look-----"
_LOOK: Final = """
{script}
rm -f {report}
{selftest}
{jobs}
{restart}
chatmail status; echo "exit $?"; echo {mark}
{page}
echo {mark}
cat {report} 2>/dev/null || echo null
"""
# the collector measures when it starts; the last of its measurements comes last
_RESTART: Final = "systemctl restart chatmail-metrics"
_PAGE: Final = """
last=chatmail_last_offer_timestamp_seconds
# nobody offers mail to a store
grep -Eq '"role": ?"store"' /etc/chatmail/settings.json && last=chatmail_backup_last_success_bytes
until curl -sS --fail http://127.0.0.1:8700/metrics >/run/page 2>/dev/null &&
    grep -q $last /run/page
do sleep 0.1; done
cat /run/page
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What is seen at a time.

    Attributes:
        status: the exit code of the selftest, the output of `chatmail status`, and its exit code.
        page: the metrics as text.
        report: the report of the selftest; None if it did not run.
    """

    status: str
    page: str
    report: dict[str, Any] | None

    def problems(self) -> dict[str, str]:
        """The repairs of `chatmail status` by sentence, with `wrong: ` or `note: ` before it."""
        lines = self.status.splitlines()
        return {
            line: following.removeprefix("  repair: ")
            for line, following in zip(lines, [*lines[1:], ""], strict=True)
            if line.startswith(("wrong: ", "note: "))
        }

    def verdicts(self) -> dict[str, str]:
        """The verdicts of the selftest by check."""
        checks = self.report["checks"] if self.report else []
        return {check["name"]: check["verdict"] for check in checks}

    def value(self, series: str) -> float | None:
        """The value of a series, named as on the page."""
        return self.values().get(series)

    def values(self) -> dict[str, float]:
        """All values by series."""
        return dict(_values(self.page))


def _values(page: str) -> Iterator[tuple[str, float]]:
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sample.labels.items())
            yield f"{sample.name}{{{labels}}}" if labels else sample.name, sample.value


def look(
    machine: Machine,
    *,
    script: str = "",
    checks: tuple[str, ...] | None = None,
    environment: str = "",
    jobs: tuple[str, ...] = (),
    measures: bool = True,
) -> Sight:
    """Run a script, then look.

    Args:
        checks: of the selftest; empty for all, None for no selftest.
        environment: variables for the selftest.
        jobs: units that count for the metrics.
        measures: whether to read the metrics.
    """
    only = "".join(f" --only {check}" for check in checks or ())
    selftest = (
        f"{environment} chatmail selftest{only} --report {REPORT} >/dev/null; echo selftest $?"
    )
    filled = _LOOK.format(
        script=script,
        report=REPORT,
        selftest="" if checks is None else selftest,
        jobs=f"systemctl start {' '.join(jobs)}" if jobs else "",
        restart=_RESTART if measures else "",
        page=_PAGE if measures else "",
        mark=_MARK,
    )
    status, page, report = machine.run("sh", "-c", filled).split(_MARK)
    return Sight(status=status.strip(), page=page, report=json.loads(report))
