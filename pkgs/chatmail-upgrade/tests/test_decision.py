"""Decisions about reports of `chatmail selftest`."""

import json

import pytest

from chatmail_upgrade.decision import Health, Outcome, Report, broken_by_upgrade


def test_only_new_failures_count() -> None:
    """A check that failed before does not count."""
    before = Health(failed={"push": "unreachable"})
    after = Health(failed={"push": "unreachable", "login": "refused"})

    assert broken_by_upgrade(before, after) == {"login": "refused"}


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"checks": []}', '{"checks": [{}]}'])
def test_an_unreadable_report_is_a_failure(text: str) -> None:
    """A selftest without a result has not passed."""
    assert not Health.from_report(text).passed


def test_a_report_is_read() -> None:
    """A warning is not a failure."""
    checks = [
        {"name": "login", "outcome": "passed", "detail": "12 ms"},
        {"name": "push", "outcome": "warned", "detail": "no answer"},
        {"name": "send", "outcome": "failed", "detail": "550"},
    ]

    assert Health.from_report(json.dumps({"checks": checks})).failed == {"send": "550"}


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_has_a_sentence(outcome: Outcome) -> None:
    """With its reason at the end."""
    report = Report(outcome=outcome, started="2026-11-22", previous="a", reason="disk full")

    assert report.sentence().endswith(": disk full")
