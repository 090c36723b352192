"""Files of earlier upgrades."""

import json
from pathlib import Path

import pytest

from chatmail_upgrade.decision import Outcome, Report
from chatmail_upgrade.history import REPORTS_KEPT, History

OLD, NEW = "/nix/store/a-old", "/nix/store/b-new"


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(directory=tmp_path / "upgrade")


def test_the_system_to_return_to_is_remembered(history: History) -> None:
    """From the beginning of a trial to its end."""
    history.begin_trial(OLD)
    assert history.on_trial() == OLD
    history.end_trial()

    assert history.on_trial() is None


def test_a_failed_system_is_remembered(history: History) -> None:
    """Before the first upgrade there is none."""
    assert history.rejected() is None
    history.reject(NEW)

    assert history.rejected() == NEW


def test_reports_are_kept_and_pruned(history: History) -> None:
    """`last-report.json` is the newest; `reports` keeps 20."""
    for day in range(1, REPORTS_KEPT + 5):
        history.keep(Report(outcome=Outcome.KEPT, started=f"2026-11-{day:02d}", previous=OLD))

    kept = sorted(path.stem for path in (history.directory / "reports").iterdir())
    last = json.loads((history.directory / "last-report.json").read_text())
    assert kept[-1] == last["started"] == f"2026-11-{REPORTS_KEPT + 4}"
    assert len(kept) == REPORTS_KEPT


def test_the_last_report_is_read(history: History) -> None:
    """As it was written."""
    report = Report(outcome=Outcome.RETURNED, started="2026-11-22", previous=OLD, candidate=NEW)
    history.keep(report)

    assert report == history.last_report()


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"outcome": "new"}'])
def test_an_unreadable_last_report_is_none(history: History, text: str | None) -> None:
    """The screen shows the machine without it."""
    if text is not None:
        history.directory.mkdir()
        (history.directory / "last-report.json").write_text(text)

    assert history.last_report() is None
