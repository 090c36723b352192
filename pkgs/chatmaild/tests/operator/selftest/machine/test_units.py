"""The units of the relay."""

import pytest

from chatmaild.operator.selftest.machine.units import Unit, judge, parse
from chatmaild.operator.selftest.report import Verdict


def test_all_active_units_are_well() -> None:
    """Timers, too."""
    found = [Unit(name="postfix", active="active"), Unit(name="x.timer", active="active")]

    assert judge(found).verdict is Verdict.OK


@pytest.mark.parametrize("active", ["inactive", "failed", "activating", "deactivating", "unknown"])
def test_a_unit_that_is_not_active_is_named(active: str) -> None:
    """With the command that starts it."""
    check = judge([Unit(name="postfix", active="active"), Unit(name="coturn", active=active)])

    assert check.verdict is Verdict.FAILED
    assert check.sentence == f"coturn is {active}"
    assert check.repair.startswith("systemctl restart coturn")


def test_a_unit_that_the_machine_cannot_run_is_well() -> None:
    """Some containers may not set rules of nftables."""
    never = "Id=chatmail-connections.service\nActiveState=inactive\nConditionResult=no"

    assert judge([parse(f"{never}\nConditionTimestampMonotonic=99")]).verdict is Verdict.OK
    assert judge([parse(never)]).verdict is Verdict.FAILED


def test_a_missing_unit_is_told() -> None:
    """An upgrade forgot it."""
    check = judge([parse("Id=x.service\nActiveState=inactive\nLoadState=not-found")])

    assert check.sentence == "x.service is missing"
