"""One upgrade from build to verdict."""

import logging
from datetime import datetime

from chatmail_nixos.upgrade.decision import Health, Outcome, Report, broken_by_upgrade
from chatmail_nixos.upgrade.history import History
from chatmail_nixos.upgrade.machine import (
    SETTLE_DEADLINE_S,
    ActivationError,
    BuildError,
    Machine,
)

log = logging.getLogger(__name__)


def upgrade(machine: Machine, history: History, *, now: datetime, settle_s: float) -> Report:
    """Build, try out, measure, then adopt or return; the report is kept whatever happens."""
    report = _upgrade(machine, history, started=f"{now:%Y-%m-%dT%H-%M-%SZ}", settle_s=settle_s)
    history.keep(report)
    return report


def settle(machine: Machine, history: History) -> bool:
    """Return to the previous system when an upgrade was cut off during its trial.

    Raises:
        ActivationError: the previous system cannot be activated.
    """
    previous = history.on_trial()
    if previous is None:
        return False
    if machine.running() != previous:
        machine.try_out(previous)
    history.end_trial()
    return True


def _upgrade(machine: Machine, history: History, *, started: str, settle_s: float) -> Report:
    previous = machine.running()
    try:
        candidate = machine.build()
    except BuildError as problem:
        return Report(
            outcome=Outcome.BUILD_FAILED, started=started, previous=previous, reason=str(problem)
        )
    if candidate == previous:
        return Report(outcome=Outcome.UNCHANGED, started=started, previous=previous)
    if candidate == history.rejected():
        return Report(
            outcome=Outcome.KNOWN_BAD, started=started, previous=previous, candidate=candidate
        )
    before = machine.health()
    history.begin_trial(previous)
    after, problem_text = _trial(machine, candidate, before, settle_s)
    if problem_text is None:
        outcome = Outcome.KEPT
    else:
        history.reject(candidate)
        outcome = _return(machine, previous)
    history.end_trial()
    return Report(
        outcome=outcome,
        started=started,
        previous=previous,
        candidate=candidate,
        reason=problem_text,
        before=before.failed,
        after=after.failed,
    )


def _trial(
    machine: Machine, candidate: str, before: Health, settle_s: float
) -> tuple[Health, str | None]:
    log.info("trying out %s", candidate)
    try:
        machine.try_out(candidate)
        after = machine.health(settle_s=settle_s)
        broken = broken_by_upgrade(before, after)
        if broken:
            return after, "; ".join(f"{name}: {reason}" for name, reason in sorted(broken.items()))
        machine.adopt(candidate)
    except ActivationError as problem:
        return Health(), str(problem)
    return after, None


def _return(machine: Machine, previous: str) -> Outcome:
    log.warning("returning to %s", previous)
    try:
        machine.try_out(previous)
    except ActivationError:
        # some units may have failed on the way; what counts is whether the relay works
        if not machine.health(settle_s=SETTLE_DEADLINE_S).passed:
            log.exception("the previous system could not be activated")
            return Outcome.STUCK
    return Outcome.RETURNED
