"""The other machines of a cluster, as they answered."""

import pytest

from chatmaild.operator.status.machines import Accounts, Machine, accounts, counts


def store(name: str, **told: object) -> Machine:
    """A store that told something."""
    return Machine(name=name, role="store", told=told)


DOWN = Machine(name="store3", role="store", problem="the store store3 does not answer")
ONE = store("store1", people=3, tests=1, invites=2, notifications=1, registration=["open"])


def test_the_accounts_of_all_stores_are_added_up() -> None:
    """One that does not answer, or tells nothing, adds nothing."""
    other = store("store2", people=5, tests=0, registration=["open"])

    assert accounts([ONE, other, DOWN]) == Accounts(
        registration=["open"], invites=2, people=8, tests=1, notifications=1
    )
    assert accounts([DOWN]).registration == []


def test_stores_may_differ() -> None:
    """One was down when registration was closed."""
    other = store("store2", registration=["closed: only with an invite"])

    assert accounts([ONE, other]).registration == ["not the same on all stores"]


@pytest.mark.parametrize("strange", [None, "3", [], {"x": 1}])
def test_another_version_may_tell_something_else(strange: object) -> None:
    """What cannot be read counts as nothing."""
    machine = store("store2", people=strange, problems=strange, flow=strange, registration=[])

    assert accounts([machine]).people == 0
    assert machine.list_of("problems") == []
    assert counts([machine]) == ([], {})


def test_counters_are_added_up() -> None:
    """With the start of each."""
    one = store("store1", flow={"since_s": 5.0, "counts": {"a": 1, "b": 2}})
    two = store("store2", flow={"since_s": 7.0, "counts": {"a": 3}})

    assert counts([one, two, DOWN]) == ([5.0, 7.0], {"a": 4, "b": 2})
