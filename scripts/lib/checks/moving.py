"""The scenarios of a move: in a lab of their own, as a relay that moved is closed for good."""

from __future__ import annotations

import dataclasses

from checks.scenarios import LAB_CONFIG, RELAYS, SCENARIOS
from checks.suites import LAB_DEADLINE_S, Result, pytest_suite
from labs import CHECKOUT, LabFailedError, down, python, up

TITLE = "a relay moves to another machine"
LAB_NAME = "test-move"
NEW_MACHINE = "new.test"


def run(*, capture: bool) -> tuple[Result, str]:
    """Start two machines for the first relay, run the scenarios, and take the lab down."""
    options = [
        *("--lab", LAB_NAME, "--relays", ",".join(RELAYS), "--new-machine", NEW_MACHINE),
        "-s",  # the time without logins
    ]
    suite = pytest_suite(
        TITLE, CHECKOUT, str(SCENARIOS / "move"), *options, deadline_s=LAB_DEADLINE_S
    )
    suite = dataclasses.replace(suite, command=python(LAB_NAME, *suite.command[1:]))
    try:
        relays = (*RELAYS, f"{NEW_MACHINE}={RELAYS[0]}")
        up(LAB_NAME, relays, LAB_CONFIG, is_shown=False)
        return suite.run(capture=capture)
    except LabFailedError as error:
        return Result(failed=1), str(error)
    finally:
        down(LAB_NAME)
