"""Delivery over HTTPS, in and out."""

import socket

import pytest

from chatmaild.operator.selftest.network import mxdeliv
from chatmaild.operator.selftest.report import Verdict
from chatmaild.settings import Settings


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (400, b"554 5.7.1 No valid DKIM signature found", Verdict.OK),
        (200, b"250 2.0.0 Ok", Verdict.FAILED),
        (400, b"550 5.1.1 unknown", Verdict.FAILED),
        (503, b"451 4.3.0 Local error", Verdict.FAILED),
        (502, b"<html>", Verdict.FAILED),
    ],
)
def test_the_filter_must_refuse_it(status: int, body: bytes, verdict: Verdict) -> None:
    """Any other answer means that the way is broken, or open to everybody."""
    assert mxdeliv.judge_in(status, body).verdict is verdict


@pytest.mark.parametrize(
    ("since_s", "verdict"),
    [(None, Verdict.OK), (9 * 86400.0, Verdict.OK), (1 * 86400.0, Verdict.WARNED)],
)
def test_a_week_without_mail_of_relays_is_a_doubt(since_s: float | None, verdict: Verdict) -> None:
    """A machine cannot look at itself from outside."""
    passed = mxdeliv.judge_in(400, b"554 5.7.1 x")
    check = mxdeliv.judge_silence(passed, "a.test", since_s=since_s, now_s=10 * 86400.0)

    assert check.verdict is verdict
    assert ("nc -vz a.test 443" in check.repair) == (verdict is Verdict.WARNED)


def test_a_fault_is_told_before_a_doubt() -> None:
    """It is certain."""
    broken = mxdeliv.judge_in(502, b"")

    assert mxdeliv.judge_silence(broken, "a.test", since_s=0.0, now_s=10 * 86400.0) is broken


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        ({"b": True, "c": False}, Verdict.OK),
        ({"b": False, "c": None}, Verdict.FAILED),
        ({"b": None}, Verdict.FAILED),
    ],
)
def test_one_relay_is_enough(found: dict[str, bool | None], verdict: Verdict) -> None:
    """Others may be down."""
    assert mxdeliv.judge_out(found).verdict is verdict


def test_a_gateway_that_does_not_answer_is_told(settings: Settings) -> None:
    """Postfix could not hand over mail."""
    check = mxdeliv.check_out(settings, ConnectionRefusedError(111, "Connection refused"))

    assert check.verdict is Verdict.FAILED
    assert "Connection refused" in check.sentence


def test_the_greeting_of_the_gateway_is_read(settings: Settings) -> None:
    """The settings of tests name no other relay."""
    here, there = socket.socketpair()
    with there:
        there.sendall(b"220 gateway\r\n")

        assert mxdeliv.check_out(settings, here).verdict is Verdict.OK
