"""Whether the other machines of a cluster answer."""

import pytest

from chatmaild.operator.selftest.machine import others
from chatmaild.operator.selftest.report import Verdict

ALL = ["store1", "store2", "front2"]


@pytest.mark.parametrize(
    ("machines", "silent", "verdict", "said"),
    [
        ([], [], Verdict.SKIPPED, "no other machine"),
        (ALL, [], Verdict.OK, "store1, store2, front2 answer in the tunnel"),
        # an upgrade of this machine is not undone because a store restarts
        (ALL, ["store2"], Verdict.WARNED, "no answer in the tunnel from store2"),
        (ALL, ALL, Verdict.FAILED, "the tunnel of this machine is down"),
    ],
)
def test_the_fault_is_this_machines_if_nobody_answers(
    machines: list[str], silent: list[str], verdict: Verdict, said: str
) -> None:
    """Otherwise it may be the other's."""
    found = others.judge(machines, silent)

    assert found.verdict is verdict
    assert said in found.sentence
