"""What earlier upgrades left: reports, the system that was sent back, an unfinished trial."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from chatmail_nixos.files import write_atomically
from chatmail_nixos.upgrade.decision import Report

# about three weeks of daily upgrades
REPORTS_KEPT = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The folder with the traces of earlier upgrades."""

    directory: Path

    def rejected(self) -> str | None:
        """Store path of the system that was sent back last."""
        return self._read("rejected")

    def reject(self, system: str) -> None:
        """Remember a system that was sent back."""
        write_atomically(self.directory / "rejected", system)

    def on_trial(self) -> str | None:
        """Store path of the system to return to, while another one is on trial."""
        return self._read("previous")

    def begin_trial(self, previous: str) -> None:
        """Remember where to return to."""
        write_atomically(self.directory / "previous", previous)

    def end_trial(self) -> None:
        """The trial was decided."""
        (self.directory / "previous").unlink(missing_ok=True)

    def keep(self, report: Report) -> None:
        """Write the report as `last-report.json` and among the dated ones, of which 20 stay."""
        text = json.dumps(dataclasses.asdict(report), indent=2) + "\n"
        reports = self.directory / "reports"
        write_atomically(reports / f"{report.started}.json", text)
        write_atomically(self.directory / "last-report.json", text)
        for old in sorted(reports.glob("*.json"))[:-REPORTS_KEPT]:
            old.unlink()

    def _read(self, name: str) -> str | None:
        try:
            return (self.directory / name).read_text(encoding="utf-8").strip() or None
        except FileNotFoundError:
            return None
