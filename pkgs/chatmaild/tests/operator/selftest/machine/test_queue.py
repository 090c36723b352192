"""A queue that stands still, and what a selftest removes from it."""

import json

import pytest

from chatmaild.operator.selftest.machine import queue
from chatmaild.operator.selftest.report import Verdict


def waiting(name: str, age_s: float) -> str:
    return json.dumps({"queue_name": name, "arrival_time": 1000 - age_s, "recipients": []})


@pytest.mark.parametrize(
    ("listing", "verdict"),
    [
        ("", Verdict.OK),
        (waiting("deferred", 86400), Verdict.OK),
        (waiting("active", 5), Verdict.OK),
        (waiting("active", 700), Verdict.FAILED),
        (waiting("maildrop", 700), Verdict.FAILED),
        ("\n".join([waiting("deferred", 1)] * 501), Verdict.WARNED),
    ],
)
def test_a_queue_that_stands_still_fails(listing: str, verdict: Verdict) -> None:
    """Mail for others may wait, our own work may not."""
    assert queue.judge(queue.parse(listing), now_s=1000).verdict == verdict


def test_only_mail_of_the_test_is_removed() -> None:
    """By sender or recipient: also bounces to it."""

    def line(number: int, sender: str, *recipients: str) -> str:
        found = [{"address": address} for address in recipients]
        return json.dumps({"queue_id": f"Q{number}", "sender": sender, "recipients": found})

    listing = "\n".join(
        [
            line(1, "alice@a.test", "someone@b.test"),
            line(2, "someone@b.test", "carol@a.test", "bob@a.test"),
            line(3, "", "alice@a.test"),
            line(4, "carol@a.test", "someone@b.test"),
        ]
    )

    assert queue.ids_of(listing, {"alice@a.test", "bob@a.test"}) == ["Q1", "Q2", "Q3"]
