"""Each fault of the table is named by `chatmail status`, moves a metric, fires an alert, and heals.

The table is in tests/e2e/fault_table; docs/operate/faults.md shows it.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
from collections.abc import Iterator, Mapping

import pytest
from chatmail_testkit.peers.peer import dkim_key
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.cluster.answers import added_up
from chatmail_testkit.relays.reach.front import ip_address
from chatmail_testkit.relays.services import has_unit
from chatmail_testkit.relays.target import Machine, Target
from chatmail_testkit.waiting import is_open, wait_for
from fault_table.alerts import Alerts
from fault_table.fault import Fault
from fault_table.look import Sight, look
from fault_table.table import FAULTS

pytestmark = [
    pytest.mark.disturbs,
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not installed"),
]

MOST_S = 20.0


@pytest.fixture(scope="module")
def alerts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alerts]:
    """Prometheus with the alert rules."""
    found = Alerts()
    with found.running(tmp_path_factory.mktemp("prometheus")):
        yield found


@pytest.fixture(scope="module")
def front(machine: Machine) -> Machine:
    """The machine that most faults are about."""
    return machine.fronts[0]


@pytest.fixture(scope="module")
def usual(machine: Machine, front: Machine) -> Mapping[Machine, Sight]:
    """The machines before any fault, with a backup and a whole selftest."""
    for member in machine.members:
        member.run("chatmail", "backup", "create", "--init")
    seen = (front, machine.stores[0])
    return {one: look(one, checks=(), jobs=_counts(one)) for one in dict.fromkeys(seen)}


def test_a_relay_that_is_well(
    usual: Mapping[Machine, Sight],
    alerts: Alerts,
    machine: Machine,
    front: Machine,
    alice: Person,
    carol: Person,
) -> None:
    """No fault is named, no alert is true, also after mail to another relay."""
    alerts.page = usual[front].page
    wait_for(lambda: alerts.series("chatmail_build_info"), "the first scrape")
    alice.sends(carol)
    carol.receives()
    found = look(front)
    # the message left by one of the fronts
    pages = [found.page, *(look(other).page for other in machine.fronts[1:])]
    alerts.page = added_up(pages)
    query = 'increase(chatmail_https_out_total{outcome="delivered"}[1d]) > 0'
    wait_for(lambda: alerts.series(query), "the delivery")

    for sight in usual.values():
        assert set(sight.verdicts().values()) <= {"ok", "skipped", "warned"}
    assert not [line for line in found.problems() if line.startswith("wrong: ")]
    assert found.status.endswith("well\nexit 0")
    assert alerts.firing() == set()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.replace("`", ""))
def test_a_fault(
    fault: Fault,
    usual: Mapping[Machine, Sight],
    alerts: Alerts,
    machine: Machine,
    front: Machine,
    relay: str,
    target: Target,
) -> None:
    """Sentence, repair, metric, alert; without the cause none of them."""
    fault = fault.with_selector(dkim_key(front)[0])
    machine = machine.stores[0] if fault.on_store else front
    host = ip_address(target, relay, socket.AF_INET)
    with _undone(fault, machine, relay):
        found = look(
            machine,
            script=f"RELAY={relay}\n{fault.provoke}",
            checks=() if fault.alone else fault.checks or None,
            environment=fault.environment,
            jobs=fault.jobs,
        )
        _is_named(fault, found)
        _is_measured(fault, found, usual[machine], alerts)
        assert fault.port is None or not is_open(host, fault.port)
        if fault.shows:
            assert fault.shows in machine.run("sh", "-c", fault.command)

    healed = look(
        machine,
        script="" if fault.shows else fault.command,
        checks=fault.checks or None,
        measures=False,
    )
    assert not [line for line in healed.problems() if fault.is_named_by(_sentence(line))]
    assert set(healed.verdicts().values()) <= {"ok", "skipped", "warned"}
    assert fault.port is None or is_open(host, fault.port)


def test_mail_over_port_25_is_seen(machine: Machine, alice: Person, dora: Person) -> None:
    """Whoever offered mail from outside has proven that port 25 is open inwards."""
    dora.sends(alice, text="over SMTP")
    alice.receives()
    sentences = []
    for front in machine.fronts:
        found = look(front, checks=())
        assert found.report is not None
        [check] = [c for c in found.report["checks"] if c["name"] == "port-25-in"]
        sentences.append((check["verdict"], check["sentence"]))
        assert "failed" not in found.verdicts().values()
        assert found.report["duration_seconds"] < MOST_S
        assert found.status.endswith("well\nexit 0")

    seen = "open inwards: a mail server of others offered mail at 20"
    assert any(verdict == "ok" and text.startswith(seen) for verdict, text in sentences)


def _counts(member: Machine) -> tuple[str, ...]:
    """The jobs of a machine that count for the metrics."""
    jobs = ("chatmail-count", "chatmail-count-queue")
    return tuple(job for job in jobs if has_unit(member, job))


def _is_named(fault: Fault, found: Sight) -> None:
    kind = "note: " if fault.is_note else "wrong: "
    named = [
        repair
        for line, repair in found.problems().items()
        if line.startswith(kind) and fault.is_named_by(_sentence(line))
    ]
    assert len(named) == 1, found.status
    assert fault.is_repaired_by(named[0]), named[0]
    assert fault.command in named[0]
    assert found.status.endswith("exit 0" if fault.is_note else "exit 1")
    if found.report is not None:
        assert found.status.startswith("selftest 0" if fault.is_note else "selftest 1")
        assert found.report["duration_seconds"] < MOST_S
    verdicts = found.verdicts()
    expected = "warned" if fault.is_note else "failed"
    assert {verdicts[check] for check in fault.checks} <= {expected}, found.report
    if fault.alone:
        assert {name for name in verdicts if verdicts[name] == "failed"} == set(fault.checks)
    if len(fault.checks) > 1:
        assert found.report is not None
        [check] = [c for c in found.report["checks"] if c["name"] == fault.checks[1]]
        assert check["repair"].startswith(f"first {fault.command}")


def _is_measured(fault: Fault, found: Sight, usual: Sight, alerts: Alerts) -> None:
    value, before = found.value(fault.metric), usual.value(fault.metric)
    assert value is not None
    assert value != before
    assert fault.value is None or value == fault.value
    alerts.page = found.page
    wait_for(lambda: alerts.fires(fault.alert, fault.labels), fault.alert)


@contextlib.contextmanager
def _undone(fault: Fault, machine: Machine, relay: str) -> Iterator[None]:
    """Take the cause away afterwards; heal the relay if the test failed."""
    try:
        yield
    except BaseException:
        script = f"RELAY={relay}\n{fault.undo}\n{'' if fault.shows else fault.command}"
        machine.run("sh", "-c", script)
        raise
    if fault.undo:
        machine.run("sh", "-c", f"RELAY={relay}\n{fault.undo}")


def _sentence(line: str) -> str:
    return line.partition(": ")[2]
