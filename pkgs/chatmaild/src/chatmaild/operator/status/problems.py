"""The problems of a state, each with the command that repairs it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from chatmaild.operator.selftest.machine import others, space, units
from chatmaild.operator.selftest.machine import queue as stuck_queue
from chatmaild.operator.selftest.renewal import renewal
from chatmaild.operator.selftest.report import Check, Verdict
from chatmaild.operator.status.queue import age
from chatmaild.operator.status.state import State
from chatmaild.store.space import repair as space_repair
from chatmaild.store.space import shortage

# ACME renews 30 days before the end
RENEW_BEFORE: Final = timedelta(days=14)
# NixOS runs it once an hour
OLD_SELFTEST_S: Final = 86400.0
# backups are made each night; as long as the alert waits
BACKUP_MOST: Final = timedelta(days=2)
# of each other machine; it shows all of them itself
MOST_TOLD: Final = 3
# status checks these itself: the last selftest may be older
_LIVE: Final = frozenset((units.NAME, space.NAME, stuck_queue.NAME, "certificate", others.NAME))
_BAD_UPGRADES: Final = {
    "returned": "the last upgrade broke {}; the previous system runs again",
    "stuck": "the last upgrade broke {}; the previous system cannot be activated",
    "build failed": "the last upgrade could not be built",
    "known bad": "the newest system failed in an earlier upgrade",
}
UPGRADE_REPAIR: Final = (
    "cat /var/lib/chatmail-upgrade/last-report.json says why; then, with a repaired or newer flake,"
    " systemctl start chatmail-upgrade"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A sentence, and the command or action that repairs it."""

    sentence: str
    repair: str


def find(state: State) -> list[Problem]:
    """All problems, the most urgent first."""
    return [
        *_closed(state),
        *_units(state),
        *_silent(state),
        *_others(state),
        *_space(state),
        *_memory(state),
        *_certificate(state),
        *_queue(state),
        *_domains(state),
        *_watches(state),
        *_selftest(state),
        *_backup(state),
        *_upgrade(state),
        *_storage(state),
        *_moves(state),
        *_of_stores(state),
    ]


def notes(state: State) -> list[Problem]:
    """What the last selftest warned of: others may be at fault, or this machine cannot know."""
    versions = [
        Problem(
            sentence=f"{machine.name} has version {machine.told['version']}, this machine"
            f" {state.version}",
            repair=f"upgrade {machine.name}, or this machine: stores first",
        )
        for machine in state.machines
        if machine.told.get("version", state.version) != state.version
    ]
    return [*_own_notes(state), *versions]


def _own_notes(state: State) -> list[Problem]:
    if state.selftest is None:
        return []
    ago_s = state.now_s - state.selftest.time.timestamp()
    found = [
        Problem(
            sentence=f"{check.name}: {check.sentence} (selftest {age(ago_s)} ago)",
            repair=check.repair,
        )
        for check in state.selftest.checks
        if check.verdict is Verdict.WARNED and check.name != others.NAME
    ]
    if ago_s > OLD_SELFTEST_S:
        sentence = f"the last selftest was {age(ago_s)} ago"
        found.append(Problem(sentence=sentence, repair="chatmail selftest"))
    return found


def _of(check: Check) -> list[Problem]:
    if check.verdict is not Verdict.FAILED:
        return []
    return [Problem(sentence=check.sentence, repair=check.repair)]


def _closed(state: State) -> list[Problem]:
    if state.closed is None:
        return []
    sentence, repair = state.closed
    return [Problem(sentence=sentence, repair=repair)]


def _units(state: State) -> list[Problem]:
    if state.closed is not None:
        return []
    if isinstance(state.units, str):
        return [Problem(sentence=state.units, repair="systemctl status")]
    return _of(units.judge(state.units))


def _silent(state: State) -> list[Problem]:
    return [
        Problem(
            sentence=machine.problem
            + ("; its people cannot log in, and their mail waits" * (machine.role == "store")),
            repair=f"is {machine.name} up? chatmail status there; wg show on both machines",
        )
        for machine in state.machines
        if machine.problem
    ]


def _others(state: State) -> list[Problem]:
    return [
        Problem(
            sentence=f"{machine.name} is another store than before, without its accounts: its"
            " people cannot log in, and their mail waits",
            repair=f"on {machine.name}: chatmail backup restore; without a backup, give the"
            " machine a new name",
        )
        for machine in state.machines
        if machine.is_other
    ]


def _of_stores(state: State) -> list[Problem]:
    """The stores say themselves what is wrong there."""
    found = []
    # a front that is down is the same for all
    known = {machine.problem for machine in state.machines}
    for machine in state.machines:
        told = [one for one in machine.list_of("problems") if one.get("sentence") not in known]
        for one in told[:MOST_TOLD]:
            sentence, repair = f"{machine.name}: {one.get('sentence')}", one.get("repair")
            found.append(Problem(sentence=sentence, repair=f"on {machine.name}: {repair}"))
        if len(told) > MOST_TOLD:
            sentence = f"{machine.name}: {len(told) - MOST_TOLD} more problems"
            found.append(Problem(sentence=sentence, repair=f"on {machine.name}: chatmail status"))
    return found


def _space(state: State) -> list[Problem]:
    problem = shortage(state.spaces)
    return [Problem(sentence=problem, repair=space_repair(state.spaces))] if problem else []


def _memory(state: State) -> list[Problem]:
    free = state.free_memory_megabytes
    if free is None or free >= state.least_memory_megabytes:
        return []
    said = f"{free:.0f} MiB of memory are available, below {state.least_memory_megabytes:.0f}"
    effect = "" if state.role == "front" else "no address is created, and "
    return [
        Problem(
            sentence=f"memory is short: {said}; {effect}daemons may be killed",
            repair="systemd-cgtop --batch --iterations=1 --order=memory shows the largest units;"
            " stop what the relay does not need, or add memory",
        )
    ]


def _certificate(state: State) -> list[Problem]:
    found = state.certificate
    if found is None:
        return []
    if found.problem is not None:
        return [Problem(sentence=f"certificate: {found.problem}", repair="chatmail selftest")]
    if found.expires is None:
        return []
    left = found.expires - datetime.fromtimestamp(state.now_s, UTC)
    if left >= RENEW_BEFORE:
        return []
    end = "has expired" if left <= timedelta() else f"expires in {left.days} days"
    repair = renewal(found.mode, state.domain)
    return [Problem(sentence=f"the certificate {end}", repair=repair)]


def _queue(state: State) -> list[Problem]:
    if state.queue is None:
        return []
    if isinstance(state.queue, str):
        sentence = f"Postfix' queue cannot be read: {state.queue}"
        return [Problem(sentence=sentence, repair=stuck_queue.REPAIR)]
    return _of(stuck_queue.judge(stuck_queue.parse(state.listing), now_s=state.now_s))


def _domains(state: State) -> list[Problem]:
    """The filter accepts no mail of other servers then, and Postfix sends none."""
    if state.domains is None:
        return []
    return [
        Problem(
            sentence=f"mail to and from other servers waits: {state.domains}",
            repair="remove or repair the file; then chatmail domains list",
        )
    ]


def _watches(state: State) -> list[Problem]:
    """The host of a container limits inotify watches: each IDLE session needs one."""
    if state.watches is None or state.watches >= state.watches_wanted:
        return []
    said = f"{state.watches} sessions can wait at a time, and {state.watches_wanted} may log in"
    repair = f"sysctl fs.inotify.max_user_instances={state.watches_wanted} on the container's host"
    return [Problem(sentence=said, repair=repair)]


def _selftest(state: State) -> list[Problem]:
    if state.selftest is None:
        return []
    ago = age(state.now_s - state.selftest.time.timestamp())
    wrong = [check for check in state.selftest.failed if check.name not in _LIVE]
    stopped_now = bool(_units(state))
    stopped_then = any(check.name == units.NAME for check in state.selftest.failed)
    if wrong and (stopped_now or stopped_then):
        # one cause, one line
        names = ", ".join(check.name for check in wrong)
        again = "chatmail selftest"
        return [
            Problem(
                sentence=f"the selftest failed at {names} ({ago} ago)",
                repair=f"start the stopped units first; then {again}" if stopped_now else again,
            )
        ]
    return [
        Problem(
            sentence=f"{check.name}: {check.sentence} (selftest {ago} ago)",
            repair=f"{check.repair or 'see docs/operate.md'}; then chatmail selftest",
        )
        for check in wrong
    ]


def _storage(state: State) -> list[Problem]:
    failed = state.storage.get("failed")
    if not failed:
        return []
    said = f"{failed} mailboxes could not be converted to {state.storage.get('format')}"
    repair = "chatmail storage status says why; then systemctl start chatmail-storage"
    return [Problem(sentence=f"{said}; they work as before", repair=repair)]


def _moves(state: State) -> list[Problem]:
    if not state.moves.problem:
        return []
    sentence = f"moves to other stores fail: {state.moves.problem}; {state.moves.left} are left"
    repair = "repair the cause; the moves go on by themselves: chatmail rebalance --status"
    return [Problem(sentence=sentence, repair=repair)]


def _backup(state: State) -> list[Problem]:
    if state.backup is None:
        return []
    if state.backup.problem is not None:
        sentence = f"the last backup failed: {state.backup.problem}"
        return [Problem(sentence=sentence, repair="chatmail backup create")]
    if state.backup.succeeded_s is None:
        return [Problem(sentence="no backup was made yet", repair="chatmail backup create --init")]
    old_s = state.now_s - state.backup.succeeded_s
    if old_s < BACKUP_MOST.total_seconds():
        return []
    repair = "chatmail backup create; systemctl status chatmail-backup.timer"
    return [Problem(sentence=f"the last backup is {age(old_s)} old", repair=repair)]


def _upgrade(state: State) -> list[Problem]:
    report = state.upgrade or {}
    sentence = _BAD_UPGRADES.get(str(report.get("outcome")))
    if sentence is None:
        return []
    after = report.get("after")
    broken = ", ".join(map(str, after)) if isinstance(after, dict) and after else "something"
    return [Problem(sentence=sentence.format(broken), repair=UPGRADE_REPAIR)]
