"""The words of the screen."""

import json
from dataclasses import replace

import click

from chatmaild.metrics.backups import Last
from chatmaild.operator.status import screen
from chatmaild.operator.status.problems import Problem
from chatmaild.operator.status.state import Flow

from .test_problems import FRONT, NOW, STORE, WELL

NOW_S = NOW.timestamp()


def test_the_last_hour_is_counted_by_kind() -> None:
    """Labels that mean failure do not count."""
    counts = {
        'chatmail_deliveries_total{result="delivered"}': 7,
        'chatmail_https_in_total{code="250"}': 3,
        'chatmail_https_in_total{code="554"}': 9,
        'chatmail_addresses_created_total{kind="ci"}': 1,
        'chatmail_addresses_created_total{kind="user"}': 2,
        'chatmail_addresses_created_total{kind="automatic"}': 4,
    }

    assert screen.flow(Flow(since_s=NOW_S - 3600, counts=counts), NOW_S) == (
        "7 delivered, 3 in over HTTPS, 0 out over HTTPS, 0 logins, 7 new addresses,"
        " 4 automatic ones, 0 notifications"
    )


def test_less_than_an_hour_is_told() -> None:
    """A service was started in between."""
    text = screen.flow(Flow(since_s=NOW_S - 600, counts={}), NOW_S)

    assert text.endswith("(of 10 min: a service was started)")
    assert screen.flow(Flow(since_s=None, counts={}), NOW_S) == "unknown"


def test_the_screen_has_a_row_for_each_part() -> None:
    """It fits on one."""
    lines = [click.unstyle(line) for line in screen.lines(WELL, [])]

    assert lines[0] == "relay          chat.example.org, version 0.3.0"
    assert lines[1] == "certificate    acme, until 2027-01-28 (60 days)"
    assert lines[-1] == "well"
    assert len(lines) <= 20


def test_a_note_is_yellow_and_above_the_verdict() -> None:
    """The relay is well all the same."""
    note = Problem(sentence="push: late (selftest 5 min ago)", repair="wait")

    assert screen.lines(WELL, [], [note])[-3:] == [
        click.style("note: push: late (selftest 5 min ago)", fg="yellow"),
        "  repair: wait",
        click.style("well", fg="green", bold=True),
    ]
    assert json.loads(screen.document(WELL, [], [note]))["notes"] == [
        {"sentence": note.sentence, "repair": "wait"}
    ]


def test_a_problem_is_red_and_has_its_repair() -> None:
    """At the end, where the eye is."""
    lines = screen.lines(WELL, [Problem(sentence="x is stopped", repair="systemctl start x")])

    assert lines[-2:] == [
        click.style("wrong: x is stopped", fg="red", bold=True),
        "  repair: systemctl start x",
    ]


def test_the_last_backup_has_its_age() -> None:
    """And whether the newest one failed."""
    last = Last(succeeded_s=int(NOW_S) - 7200, with_mail=True, size_bytes=3_000_000)

    [row] = [line for line in screen.lines(replace(WELL, backup=last), []) if "backup" in line]
    [bad] = [
        line
        for line in screen.lines(replace(WELL, backup=last.failed("x")), [])
        if line.startswith("backup")
    ]

    assert click.unstyle(row) == "backup         2 h ago, with mail, 3.0 MB"
    assert click.unstyle(bad).endswith("; the last one failed")


def test_programs_read_what_a_role_has() -> None:
    """A whole relay has no machines, a store no queue, a front no mailboxes."""
    whole, front, store = (json.loads(screen.document(state, [])) for state in (WELL, FRONT, STORE))

    assert not {"role", "machine", "machines", "moves", "identity"} & whole.keys()
    assert store["moves"]["left"] is None
    assert whole.keys() - store.keys() == {"certificate", "queue", "queued", "domains"}
    assert whole.keys() - front.keys() == {"storage", "watches", "watches_wanted"}
    assert [one["name"] for one in front["machines"]] == ["store1", "store2", "front2"]
    assert (store["role"], store["machine"]) == ("store", "store1")
