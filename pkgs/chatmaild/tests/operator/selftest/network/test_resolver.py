"""What is decided about the resolver."""

import pytest

from chatmaild.operator.selftest.network.resolver import Found, judge
from chatmaild.operator.selftest.report import Verdict


@pytest.mark.parametrize(
    ("found", "verdict", "word"),
    [
        (Found(alive=True, outside=True, signed=True, validated=True), Verdict.OK, "validates"),
        (Found(alive=True, outside=True, signed=True), Verdict.FAILED, "does not validate"),
        (Found(alive=True, outside=True, signed=None), Verdict.FAILED, "does not validate"),
        (Found(alive=True, outside=True, signed=False), Verdict.OK, "not signed"),
        (Found(alive=True, outside=False, signed=True), Verdict.FAILED, "no name of others"),
        (Found(alive=True, outside=None, signed=None), Verdict.OK, "no server to look up"),
        (Found(alive=False), Verdict.FAILED, "does not answer"),
    ],
)
def test_it_answers_finds_and_validates(found: Found, verdict: Verdict, word: str) -> None:
    """DKIM stands on all three."""
    check = judge(found)

    assert check.verdict is verdict
    assert word in check.sentence
    assert bool(check.repair) == (verdict is Verdict.FAILED)
