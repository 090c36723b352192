"""Decisions about reports of `chatmail selftest`."""

import json

import pytest

from chatmail_upgrade.decision import Health, Outcome, Report, broken_by_upgrade


def test_only_new_failures_count() -> None:
    """A check that failed before does not count."""
    before = Health(failed={"push": "unreachable"})
    after = Health(failed={"push": "unreachable", "login": "refused"})

    assert broken_by_upgrade(before, after) == {"login": "refused"}


def test_only_checks_that_were_well_count() -> None:
    """One that was skipped or did not exist may have been broken all the time."""
    before = Health(failed={"port-25-out": "blocked"}, well=frozenset({"login", "turn"}))
    after = Health(
        failed={"port-25-out": "blocked", "reverse-name": "gone", "turn": "silent", "new": "503"}
    )

    assert broken_by_upgrade(before, after) == {"turn": "silent"}


@pytest.mark.parametrize("name", ["gate", "report"])
def test_a_selftest_without_a_result_counts(name: str) -> None:
    """It is no check, and so it was never well."""
    before = Health(well=frozenset({"login"}))

    assert broken_by_upgrade(before, Health(failed={name: "killed"})) == {name: "killed"}


def test_an_unreadable_report_excuses_nothing() -> None:
    """Without a report of the previous system every failed check counts."""
    before = Health.from_report("{}")

    assert broken_by_upgrade(before, Health(failed={"login": "no"})) == {"login": "no"}


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


def test_a_report_of_today_is_read() -> None:
    """Its verdict counts, not the outcome that is there for older upgrades."""
    checks = [
        {"name": "login", "verdict": "ok", "sentence": "3 ms", "outcome": "passed"},
        {"name": "push", "verdict": "warned", "sentence": "no answer", "outcome": "warned"},
        {"name": "turn", "verdict": "failed", "sentence": "silent", "outcome": "warned"},
        {"name": "clock", "verdict": "skipped", "sentence": "alone", "outcome": "passed"},
    ]

    found = Health.from_report(json.dumps({"checks": checks}))

    assert found == Health(failed={"turn": "silent"}, well=frozenset({"login", "push"}))


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_has_a_sentence(outcome: Outcome) -> None:
    """With its reason at the end."""
    report = Report(outcome=outcome, started="2026-11-22", previous="a", reason="disk full")

    assert report.sentence().endswith(": disk full")
