"""The iroh relay answers through the web server, or its check says what people lose."""

from dataclasses import replace

import pytest

from chatmaild.operator.selftest.machine.realtime import check, judge
from chatmaild.operator.selftest.report import Verdict
from chatmaild.settings import Settings


@pytest.mark.parametrize(
    ("status", "verdict"),
    [(204, Verdict.OK), (200, Verdict.FAILED), (404, Verdict.FAILED), (502, Verdict.FAILED)],
)
def test_only_its_own_answer_is_well(status: int, verdict: Verdict) -> None:
    """A page of somebody else at that path is none."""
    assert judge(status).verdict is verdict


def test_without_a_program_there_is_nothing_to_check(settings: Settings) -> None:
    """The operator switched it off, or runs it elsewhere."""
    without = replace(settings, iroh=replace(settings.iroh, runs=False))

    assert check(without).verdict is Verdict.SKIPPED
