"""What `/new` answers."""

import pytest

from chatmaild.operator.selftest.machine.web import judge
from chatmaild.operator.selftest.report import Verdict


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (200, b'{"email": "x@chat.example.org", "password": "p"}', Verdict.OK),
        (200, b'{"email": "x@other.example", "password": "p"}', Verdict.FAILED),
        (200, b'{"email": "x@chat.example.org"}', Verdict.FAILED),
        (200, b"<html>", Verdict.FAILED),
        (403, b'{"reason": "closed"}', Verdict.SKIPPED),
        (503, b'{"reason": "too busy"}', Verdict.FAILED),
        (502, b"<html>Bad Gateway", Verdict.FAILED),
        (404, b"[]", Verdict.FAILED),
    ],
)
def test_only_an_address_of_this_relay_is_well(status: int, body: bytes, verdict: Verdict) -> None:
    """A closed registration is the operator's own wish."""
    assert judge("chat.example.org", status, body).verdict is verdict


def test_a_busy_machine_warns() -> None:
    """An upgrade makes load, and must not be undone for it."""
    busy = "the load is 9.0"
    body = b'{"reason": "too busy"}'

    assert judge("chat.example.org", 503, body, busy=busy).verdict is Verdict.WARNED
    assert judge("chat.example.org", 502, b"", busy=busy).verdict is Verdict.FAILED
    assert judge("chat.example.org", 503, body, stopped="x exists").verdict is Verdict.SKIPPED


def test_the_reason_is_told() -> None:
    """As a person reads it."""
    assert "too busy" in judge("chat.example.org", 503, b'{"reason": "too busy"}').sentence
