"""What is wrong, decided from the state alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chatmaild.metrics.backups import Last
from chatmaild.operator.selftest.machine.units import Unit
from chatmaild.operator.selftest.report import Report, failed, ok, warned
from chatmaild.operator.status import problems
from chatmaild.operator.status.machines import Machine
from chatmaild.operator.status.state import Certificate, Flow, State
from chatmaild.rebalance.progress import Progress
from chatmaild.store.space import Space

NOW = datetime(2026, 11, 29, 4, 0, tzinfo=UTC)
WELL = State(
    now_s=NOW.timestamp(),
    version="0.3.0",
    domain="chat.example.org",
    certificate=Certificate(mode="acme", expires=NOW + timedelta(days=60)),
    registration=["open"],
    invites=0,
    people=1,
    tests=0,
    sessions={"IMAP": 1},
    flow=Flow(since_s=None, counts={}),
    queue=[],
    queued=0,
    listing="",
    notifications=0,
    load=0.1,
    free_memory_megabytes=1000.0,
    least_memory_megabytes=200,
    spaces=[Space(directory="/m", free_megabytes=5000, free_inodes=100000)],
    units=[Unit(name="postfix", active="active")],
    watches=65535,
    watches_wanted=10000,
    selftest=None,
    upgrade=None,
)
# of a cluster: a front with a store that is well, and one that is down
FRONT = replace(
    WELL,
    role="front",
    machine="front1",
    watches=None,
    machines=(
        Machine(name="store1", role="store", told={"version": "0.3.0", "problems": []}),
        Machine(name="store2", role="store", problem="the store store2 does not answer: refused"),
        Machine(name="front2", role="front"),
    ),
)
STORE = replace(
    WELL,
    role="store",
    machine="store1",
    certificate=None,
    queue=None,
    machines=(Machine(name="front1", role="front"),),
)


def selftest(*checks: object) -> Report:
    time = NOW - timedelta(minutes=5)
    return Report(version="0.3.0", time=time, duration_s=1, checks=checks)  # type: ignore[arg-type]


def test_a_relay_that_is_well_has_no_problem() -> None:
    """Warnings are none."""
    assert problems.find(WELL) == []
    assert problems.find(replace(WELL, selftest=selftest(ok("a", "x"), warned("b", "y")))) == []


def test_a_closed_machine_has_one_problem() -> None:
    """Its units are stopped for that reason."""
    stopped = replace(WELL, units=[Unit(name="postfix", active="inactive")])
    closed = replace(stopped, closed=("this machine is closed", "repeat"))

    assert [problem.sentence for problem in problems.find(closed)] == ["this machine is closed"]


@pytest.mark.parametrize(
    ("changed", "sentence", "repair"),
    [
        (
            {"units": [Unit(name="coturn", active="failed")]},
            "coturn is failed",
            "systemctl restart coturn",
        ),
        (
            {"moves": Progress(left=2, problem="an address did not move (2 times): full")},
            "moves to other stores fail: an address did not move (2 times): full; 2 are left",
            "repair the cause; the moves go on by themselves",
        ),
        (
            {"domains": "/x/domains.json cannot be used: No such file"},
            "mail to and from other servers waits: /x/domains.json cannot be used",
            "repair the file",
        ),
        (
            {"closed": ("this machine is closed", "repeat it")},
            "this machine is closed",
            "repeat it",
        ),
        ({"units": "systemd does not answer: x"}, "systemd does not answer", "systemctl status"),
        (
            {"spaces": [Space(directory="/m", free_megabytes=5, free_inodes=9)]},
            "nearly full: 5 MiB and 9 inodes free in /m",
            "du -xah --max-depth=3 / | sort -h | tail; then delete",
        ),
        (
            {"certificate": Certificate(mode="acme", expires=NOW + timedelta(days=3))},
            "the certificate expires in 3 days",
            "systemctl start acme-order-renew-chat.example.org",
        ),
        (
            {"certificate": Certificate(mode="files", expires=NOW - timedelta(days=3))},
            "the certificate has expired",
            "renew the files",
        ),
        ({"queue": "postqueue failed"}, "queue cannot be read", "systemctl restart postfix"),
        (
            {"listing": '{"queue_name": "active", "arrival_time": 1}'},
            "a message is stuck",
            "systemctl restart postfix",
        ),
        ({"watches": 128}, "128 sessions can wait", "sysctl fs.inotify"),
        (
            {"free_memory_megabytes": 50.0},
            "memory is short: 50 MiB of memory are available, below 200",
            "systemd-cgtop",
        ),
        (
            {"upgrade": {"outcome": "returned"}},
            "the last upgrade broke something; the previous system runs again",
            "last-report.json",
        ),
        (
            {"upgrade": {"outcome": "returned", "after": {"login": "x", "dkim": "y"}}},
            "the last upgrade broke login, dkim; the previous system runs again",
            "systemctl start chatmail-upgrade",
        ),
    ],
)
def test_each_problem_has_a_sentence_and_a_repair(
    changed: dict[str, object], sentence: str, repair: str
) -> None:
    """One at a time."""
    [problem] = problems.find(replace(WELL, **changed))  # type: ignore[arg-type]

    assert sentence in problem.sentence
    assert repair in problem.repair


def test_warnings_of_the_selftest_are_notes() -> None:
    """With their repair, and their age."""
    found = selftest(ok("a", "x"), warned("port-25-in", "unknown", "nc -vz"), failed("b", "y"))

    [note] = problems.notes(replace(WELL, selftest=found))

    assert note.sentence == "port-25-in: unknown (selftest 5 min ago)"
    assert note.repair == "nc -vz"
    assert problems.notes(WELL) == []


def test_an_old_selftest_is_a_note() -> None:
    """What only it sees may be hidden."""
    old = replace(WELL, now_s=WELL.now_s + 2 * 86400, selftest=selftest(ok("a", "x")))

    assert [note.sentence for note in problems.notes(old)] == ["the last selftest was 2 d ago"]


def test_a_failed_selftest_is_told_with_its_age() -> None:
    """What the status sees itself, it does not tell twice."""
    found = selftest(
        failed("turn", "coturn gives no port", "systemctl restart coturn"),
        failed("space", "nearly full", "x"),
    )

    [problem] = problems.find(replace(WELL, selftest=found))

    assert problem.sentence == "turn: coturn gives no port (selftest 5 min ago)"
    assert problem.repair == "systemctl restart coturn; then chatmail selftest"


def test_what_a_stopped_unit_breaks_is_one_line() -> None:
    """The unit is to be started, and everything else follows."""
    stopped = [Unit(name="dovecot", active="inactive")]
    found = selftest(failed("login", "nobody can log in"), failed("message", "none"))

    first, second = problems.find(replace(WELL, units=stopped, selftest=found))

    assert first.sentence == "dovecot is inactive"
    assert second.sentence == "the selftest failed at login, message (5 min ago)"
    assert second.repair == "start the stopped units first; then chatmail selftest"


def test_a_unit_that_runs_again_is_no_problem() -> None:
    """The selftest is older than the repair."""
    found = selftest(failed("units", "dovecot is inactive"), failed("login", "nobody can log in"))

    [problem] = problems.find(replace(WELL, selftest=found))

    assert problem.sentence == "the selftest failed at login (5 min ago)"
    assert problem.repair == "chatmail selftest"


@pytest.mark.parametrize(
    ("last", "sentence", "repair"),
    [
        (Last(), "no backup was made yet", "create --init"),
        (Last(succeeded_s=int(NOW.timestamp()) - 3 * 86400), "is 3 d old", "chatmail-backup.timer"),
        (Last(problem="no space", failures=1), "failed: no space", "chatmail backup create"),
    ],
)
def test_a_backup_that_is_missing(last: Last, sentence: str, repair: str) -> None:
    """Old, failed, or none at all."""
    [problem] = problems.find(replace(WELL, backup=last))

    assert sentence in problem.sentence
    assert repair in problem.repair


def test_a_backup_of_last_night_is_no_problem() -> None:
    """Nor are backups that are switched off."""
    fresh = Last(succeeded_s=int(NOW.timestamp()) - 3600, failures=4)

    assert problems.find(replace(WELL, backup=fresh)) == []


def test_a_machine_that_does_not_answer_is_a_problem() -> None:
    """With what it means for its people; without, a front and a store are well."""
    (problem,) = problems.find(FRONT)

    assert problem.sentence == (
        "the store store2 does not answer: refused; its people cannot log in, and their mail waits"
    )
    assert problem.repair.startswith("is store2 up?")
    assert problems.find(replace(FRONT, machines=FRONT.machines[::2])) == []
    assert problems.find(STORE) == []


def test_a_front_shows_the_problems_of_its_stores() -> None:
    """The first three, each with its machine; not what it sees itself."""
    told = [{"sentence": f"fault {n}", "repair": f"repair {n}"} for n in range(5)]
    silent = Machine(name="front2", role="front", problem="the front front2 does not answer")
    told.append({"sentence": silent.problem, "repair": "wg show"})
    store = Machine(name="store1", role="store", told={"version": "0.3.0", "problems": told})

    found = problems.find(replace(FRONT, machines=(store, silent)))

    assert [problem.sentence for problem in found] == [
        *("the front front2 does not answer", "store1: fault 0", "store1: fault 1"),
        *("store1: fault 2", "store1: 2 more problems"),
    ]
    assert [problem.repair for problem in found[1:]] == [
        *(f"on store1: repair {n}" for n in range(3)),
        "on store1: chatmail status",
    ]


def test_another_version_is_a_note() -> None:
    """In the middle of an upgrade."""
    store = Machine(name="store1", role="store", told={"version": "0.2.0", "problems": []})

    (note,) = problems.notes(replace(FRONT, machines=(store,)))

    assert note.sentence == "store1 has version 0.2.0, this machine 0.3.0"
