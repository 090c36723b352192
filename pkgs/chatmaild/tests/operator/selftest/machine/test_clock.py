"""The clock, compared with other relays."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from chatmaild.operator.selftest.machine.clock import judge, offset_s
from chatmaild.operator.selftest.report import Verdict


@pytest.mark.parametrize(
    ("offsets_s", "verdict"),
    [
        ([0.4], Verdict.OK),
        ([30.0], Verdict.OK),
        ([-90.0], Verdict.FAILED),
        ([90.0, 86400.0], Verdict.FAILED),
        ([86400.0, 1.0], Verdict.OK),
        ([], Verdict.SKIPPED),
    ],
)
def test_a_wrong_clock_fails(offsets_s: list[float], verdict: Verdict) -> None:
    """One relay that agrees is enough: others may be wrong themselves."""
    assert judge(offsets_s).verdict is verdict


def test_the_direction_is_told() -> None:
    """In words."""
    assert judge([90.0]).sentence == "90 s ahead of that of other relays"
    assert judge([-90.0]).sentence == "90 s behind that of other relays"


def test_a_header_is_compared() -> None:
    """RFC 9110 section 6.6.1."""
    header = format_datetime(datetime.now(UTC) - timedelta(seconds=100), usegmt=True)

    assert offset_s(header) == pytest.approx(100, abs=3)
    assert offset_s("yesterday") is None
    assert offset_s(None) is None
