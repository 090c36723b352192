"""The report of a selftest, for people, for programs, and for upgrades of the last release."""

import json
import pathlib
from datetime import UTC, datetime
from typing import Any

import pytest

from chatmaild.operator.selftest.report import (
    Report,
    as_text,
    failed,
    last,
    ok,
    path,
    skipped,
    warned,
    write,
)
from chatmaild.settings import Settings

CHECKS = (
    ok("login", "3 ms"),
    warned("push", "out of reach", "wait"),
    failed("turn", "coturn does not answer", "systemctl restart coturn"),
    failed("queue", "2 messages are stuck"),
    skipped("clock", "nobody to compare with"),
)


def report(*checks: Any) -> Report:
    time = datetime(2026, 11, 29, 3, 30, tzinfo=UTC)
    return Report(version="0.3.0", time=time, duration_s=1.25, checks=checks or CHECKS)


def test_a_warning_is_healthy_and_a_failure_is_not() -> None:
    """Skipped is no failure either."""
    assert report(ok("a", "x"), warned("b", "y"), skipped("c", "z")).is_healthy
    assert not report(ok("a", "x"), failed("c", "z")).is_healthy


def test_people_read_a_line_and_the_repair() -> None:
    """Only of what is not well."""
    assert as_text(CHECKS[:3]).splitlines() == [
        "ok       login: 3 ms",
        "warned   push: out of reach",
        "               repair: wait",
        "failed   turn: coturn does not answer",
        "               repair: systemctl restart coturn",
    ]


def test_a_stored_report_is_read_again(settings: Settings) -> None:
    """`chatmail status` and the metrics read it."""
    write(path(settings), report())

    assert last(settings) == report()
    assert path(settings).stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("text", [None, "", "{}", '{"version": "1", "time": "x"}', "[]"])
def test_an_unreadable_report_is_none(settings: Settings, text: str | None) -> None:
    """Whatever is in the file."""
    file = pathlib.Path(path(settings))
    if text is not None:
        file.write_text(text)

    assert last(settings) is None


def test_programs_read_time_duration_and_checks() -> None:
    """The format of the file."""
    document = json.loads(report().to_json())

    assert document["time"] == "2026-11-29T03:30:00+00:00"
    assert document["duration_seconds"] == 1.25
    assert document["healthy"] is False
    assert [(c["name"], c["verdict"]) for c in document["checks"]] == [
        ("login", "ok"),
        ("push", "warned"),
        ("turn", "failed"),
        ("queue", "failed"),
        ("clock", "skipped"),
    ]
    assert document["checks"][2]["sentence"] == "coturn does not answer"
    assert document["checks"][2]["repair"] == "systemctl restart coturn"


def test_upgrades_of_the_last_release_know_only_their_checks() -> None:
    """`chatmail-upgrade` 0.2.0 would return from a system for a check that it does not know."""
    document = json.loads(report().to_json())

    outcomes = {check["name"]: check["outcome"] for check in document["checks"]}

    assert outcomes == {
        "login": "passed",
        "push": "warned",
        "turn": "warned",
        "queue": "failed",
        "clock": "passed",
    }
