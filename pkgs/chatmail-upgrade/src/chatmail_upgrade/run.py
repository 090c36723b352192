"""One upgrade, from the build to the decision; and the return after an interrupted one."""

import logging
from datetime import datetime
from typing import Final

from chatmail_upgrade.decision import Health, Outcome, Report, broken_by_upgrade
from chatmail_upgrade.history import History
from chatmail_upgrade.machine import ActivationError, Machine
from chatmail_upgrade.source import BuildError

_log = logging.getLogger(__name__)

# services may take this long from activation to their first answer
START_DEADLINE_S: Final = 90.0


def upgrade(machine: Machine, history: History, *, now: datetime, start_s: float) -> Report:
    """Build, activate, test, then keep or return; the report is stored in every case."""
    report = _upgrade(machine, history, started=f"{now:%Y-%m-%dT%H-%M-%SZ}", start_s=start_s)
    history.keep(report)
    return report


def recover(machine: Machine, history: History) -> bool:
    """Return to the previous system if an upgrade was interrupted during its trial.

    Raises:
        ActivationError: the previous system cannot be activated.
    """
    previous = history.on_trial()
    if previous is None:
        return False
    if machine.running() != previous:
        machine.activate(previous)
    history.end_trial()
    return True


def _upgrade(machine: Machine, history: History, *, started: str, start_s: float) -> Report:
    previous = machine.running()
    try:
        candidate = machine.build()
    except BuildError as error:
        return Report(
            outcome=Outcome.BUILD_FAILED, started=started, previous=previous, reason=str(error)
        )
    if candidate == previous:
        return Report(outcome=Outcome.UNCHANGED, started=started, previous=previous)
    if candidate == history.rejected():
        return Report(
            outcome=Outcome.KNOWN_BAD, started=started, previous=previous, candidate=candidate
        )
    before = machine.health()
    history.begin_trial(previous)
    after, reason = _trial(machine, candidate, before, start_s)
    if reason is None:
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
        reason=reason,
        before=before.failed,
        after=after.failed,
    )


def _trial(
    machine: Machine, candidate: str, before: Health, start_s: float
) -> tuple[Health, str | None]:
    """Activate the candidate; the text says why it must not stay."""
    _log.info("activating %s", candidate)
    try:
        machine.activate(candidate)
        after = machine.health(within_s=start_s, before=before)
        broken = broken_by_upgrade(before, after)
        if broken:
            return after, "; ".join(f"{name}: {reason}" for name, reason in sorted(broken.items()))
        machine.make_default(candidate)
    except ActivationError as error:
        return Health(), str(error)
    return after, None


def _return(machine: Machine, previous: str) -> Outcome:
    _log.warning("returning to %s", previous)
    try:
        machine.activate(previous)
    except ActivationError:
        # some units may have failed to start; what counts is whether mail works
        if not machine.health(within_s=START_DEADLINE_S).passed:
            _log.exception("the previous system could not be activated")
            return Outcome.STUCK
    return Outcome.RETURNED
