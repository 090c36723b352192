"""Files of earlier upgrades: reports, the last failed system, an unfinished trial."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chatmail_upgrade.decision import Report
from chatmail_upgrade.files import write_atomically

STATE_DIRECTORY: Final = Path("/var/lib/chatmail-upgrade")
# about three weeks of daily upgrades
REPORTS_KEPT: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The directory with the files of earlier upgrades."""

    directory: Path = STATE_DIRECTORY

    def rejected(self) -> str | None:
        """Store path of the last system that failed."""
        return self._read("rejected")

    def reject(self, system: str) -> None:
        """Remember a system that failed."""
        write_atomically(self.directory / "rejected", system)

    def on_trial(self) -> str | None:
        """Store path of the system to return to, while a trial is unfinished."""
        return self._read("previous")

    def begin_trial(self, previous: str) -> None:
        """Remember the system to return to."""
        write_atomically(self.directory / "previous", previous)

    def end_trial(self) -> None:
        """Forget the system to return to."""
        (self.directory / "previous").unlink(missing_ok=True)

    def keep(self, report: Report) -> None:
        """Write the report to `last-report.json` and to `reports`, which keeps the newest 20."""
        text = report.to_json()
        reports = self.directory / "reports"
        write_atomically(reports / f"{report.started}.json", text)
        write_atomically(self.directory / "last-report.json", text)
        for old in sorted(reports.glob("*.json"))[:-REPORTS_KEPT]:
            old.unlink()

    def last_report(self) -> Report | None:
        """The newest report; None if there is none that can be read."""
        try:
            return Report.from_json(self._read("last-report.json") or "")
        except (KeyError, TypeError, ValueError):
            return None

    def _read(self, name: str) -> str | None:
        try:
            return (self.directory / name).read_text(encoding="utf-8").strip() or None
        except FileNotFoundError:
            return None
