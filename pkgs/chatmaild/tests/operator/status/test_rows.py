"""Rows for the machines of a cluster."""

from dataclasses import replace

import click

from chatmaild.operator.status import problems, screen
from chatmaild.operator.status.machines import Machine
from chatmaild.operator.status.rows import of_all_stores, of_machine

from .test_problems import FRONT, STORE


def test_a_store_in_a_line() -> None:
    """Whether it is well, and what it has; of another version, what is known."""
    told = {
        "version": "0.3.0",
        "people": 4,
        "tests": 1,
        "sessions": {"IMAP": 2},
        "spaces": [{"free_megabytes": 900.4}, {"free_megabytes": 70000.0}],
        "problems": [],
    }
    store = Machine(name="store1", role="store", told=told)

    assert of_machine(store) == (
        *("well, version 0.3.0, 5 addresses, 2 sessions, 900 MiB free", True),
    )
    ill = replace(store, told=told | {"problems": [{"sentence": "x", "repair": "y"}]})
    text, is_well = of_machine(ill)
    assert (text.partition(",")[0], is_well) == ("1 problem", False)
    assert of_machine(replace(store, told={"version": "0.1.0"}))[1]


def test_machines_that_tell_nothing() -> None:
    """A front answers, or does not."""
    front = Machine(name="front2", role="front")

    assert of_machine(front) == ("answers in the tunnel", True)
    assert of_machine(replace(front, problem="silent")) == ("does not answer", False)


def test_another_machine_of_the_same_name_is_no_store() -> None:
    """Whatever it tells, its people are not there; the repair names both ways out."""
    state = replace(
        FRONT,
        machines=(Machine(name="store1", role="store", told={"problems": []}, is_other=True),),
    )

    assert of_machine(state.machines[0]) == ("another store than before", False)
    [problem] = problems.find(state)
    assert problem.sentence.startswith("store1 is another store than before")
    assert "chatmail backup restore; without a backup" in problem.repair


def test_sums_say_of_which_stores_they_are() -> None:
    """Only where one is missing."""
    assert of_all_stores(FRONT) == " (of 1 of 2 stores)"
    assert of_all_stores(replace(FRONT, machines=FRONT.machines[:1])) == ""


def test_each_role_has_the_rows_of_its_parts() -> None:
    """None is always empty."""
    front, store = (
        {click.unstyle(line)[:15].strip() for line in screen.lines(state, [])}
        for state in (FRONT, STORE)
    )

    assert {"certificate", "queue", "store1", "store2", "front2"} <= front
    assert "mailboxes" not in front
    assert "mailboxes" in store
    assert not {"certificate", "queue"} & store
