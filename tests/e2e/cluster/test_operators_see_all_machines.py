"""Status, selftest and DNS on the machines of a relay: each sees its part, and a front sees all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from chatmail_testkit.relays.cluster.machine import ClusterMachine
from chatmail_testkit.relays.machine import RemoteMachine
from chatmail_testkit.relays.target import Machine

# this lab has no notification server but that of scenarios, and one other relay
OUTSIDE = {"push", "port-25-in", "port-25-out"}
# hashes of names that nobody else may take
KEPT = "cat /var/lib/chatmail/accounts/deleted/* 2>/dev/null | wc -c"


@pytest.fixture
def cluster(machine: Machine) -> ClusterMachine:
    """All machines of the relay; skips the test where it is one."""
    if not isinstance(machine, ClusterMachine):
        pytest.skip("needs a relay of several machines: lab up a.test=2+3")
    return machine


@pytest.fixture
def silent_store(cluster: ClusterMachine) -> Iterator[RemoteMachine]:
    """A store whose service is stopped meanwhile."""
    store = cluster.stores[-1]
    store.run("systemctl", "stop", "chatmail-accounts")
    yield store
    store.run("systemctl", "start", "chatmail-accounts")


def test_each_machine_tests_its_part(cluster: ClusterMachine) -> None:
    """At the same time, and no address is left, nor kept from others."""
    machines = [cluster.fronts[-1], cluster.stores[0]]
    before = [store.run("sh", "-c", KEPT) for store in cluster.stores]
    addresses = {store: _addresses(store) for store in cluster.stores}
    with ThreadPoolExecutor(len(machines)) as pool:
        reports = list(pool.map(_selftest, machines))

    for machine, report in zip(machines, reports, strict=True):
        wrong = [c for c in report["checks"] if c["verdict"] not in ("ok", "skipped")]
        assert {check["name"] for check in wrong} <= OUTSIDE, (machine, wrong)
        names = {check["name"] for check in report["checks"]}
        assert {"units", "login", "metadata", "machines"} <= names
        assert ("message" in names) is (machine in cluster.fronts)
    assert [store.run("sh", "-c", KEPT) for store in cluster.stores] == before
    assert {store: _addresses(store) for store in cluster.stores} == addresses


def test_a_front_shows_all_machines(cluster: ClusterMachine) -> None:
    """With the sums of the stores; DNS has all fronts, and a key of each."""
    front = cluster.fronts[0]
    shown = _status(front)
    stores = [one for one in shown["machines"] if one["role"] == "store"]

    assert len(stores) == len(cluster.stores)
    assert [one["problem"] for one in shown["machines"]] == [""] * len(shown["machines"])
    assert shown["people"] == sum(one["told"]["people"] for one in stores)
    assert "certificate" not in stores[0]["told"]
    assert {one["name"] for one in _status(cluster.stores[0])["machines"]} == {
        f"front{number}" for number in range(1, len(cluster.fronts) + 1)
    }
    found = json.loads(front.run("chatmail", "dns", "--check", "--json"))
    assert found["right"], found
    lines = front.run("chatmail", "dns", "--plain").splitlines()
    assert sum("\tA\t" in line for line in lines) == len(cluster.fronts)


@pytest.mark.disturbs
def test_a_store_that_does_not_answer_is_shown(
    cluster: ClusterMachine, silent_store: RemoteMachine
) -> None:
    """By status and the selftest, which uses the others; what all stores do fails in part."""
    front = cluster.fronts[0]
    name = silent_store.run("hostname").strip().partition(".")[0]
    shown = _status(front)
    report = _selftest(front)

    assert not shown["well"]
    assert any(f"the store {name} does not answer" in p["sentence"] for p in shown["problems"])
    checks = {check["name"]: check for check in report["checks"]}
    assert checks["machines"]["verdict"] == "warned"
    assert name in checks["machines"]["sentence"]
    assert checks["message"]["verdict"] == checks["login"]["verdict"] == "ok"
    said = _whatever(front, "chatmail registration status 2>&1; echo $?").splitlines()
    assert said[-1] == "1"
    assert any(line.startswith(f"error: the store {name} does not answer") for line in said)


def _status(machine: RemoteMachine) -> dict[str, Any]:
    """What `chatmail status` knows; a lab has problems, such as no backup yet."""
    found: dict[str, Any] = json.loads(_whatever(machine, "chatmail status --json"))
    return found


def _selftest(machine: RemoteMachine) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_whatever(machine, "chatmail selftest --json"))
    return found


def _whatever(machine: RemoteMachine, line: str) -> str:
    return machine.run("sh", "-c", f"{line}; true")


def _addresses(store: RemoteMachine) -> str:
    return store.run("chatmail", "address", "list", "--plain")
