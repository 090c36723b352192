"""The notification server."""

import pytest

from chatmaild.operator.selftest.network.push import judge
from chatmaild.operator.selftest.report import Verdict


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (405, Verdict.OK),
        (200, Verdict.OK),
        (502, Verdict.WARNED),
        ("TimeoutError", Verdict.WARNED),
    ],
)
def test_any_answer_will_do(found: int | str, verdict: Verdict) -> None:
    """An unreachable notification server is not this machine's fault."""
    assert judge("push.example.org", found).verdict is verdict
