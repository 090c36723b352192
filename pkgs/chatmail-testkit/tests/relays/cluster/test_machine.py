"""A cluster as one machine: each command reaches the machines that it concerns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from chatmail_testkit.relays.cluster.machine import ClusterMachine
from chatmail_testkit.relays.machine import RemoteMachine
from chatmail_testkit.relays.target import CommandFailedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory(RemoteMachine):
    """A machine that knows the files of a directory."""

    path: Path
    fails_at: tuple[str, ...] = ()

    @property
    def host(self) -> str:
        """The name of the directory."""
        return self.path.name

    def argv(self, command: tuple[str, ...]) -> list[str]:
        """Prints the command with the machine, or those of its arguments that are files."""
        if command[:2] == ("sh", "-c") and command[3] in ("homes", "loaded"):
            known = [word for word in command[4:] if (self.path / word).exists()]
            return ["printf", "%s\\n", *known] if known else ["true"]
        if command[0] in self.fails_at:
            return ["false"]
        return ["printf", "%s\\n", f"{self.host}: {' '.join(command)}"]


@pytest.fixture
def cluster(tmp_path: Path) -> ClusterMachine:
    """Two fronts and two stores; x@a.test is on the second one."""
    machines = []
    for name, files in {
        "front1": ["postfix"],
        "front2": ["postfix"],
        "store1": ["dovecot", "y@a.test"],
        "store2": ["dovecot", "x@a.test"],
    }.items():
        (tmp_path / name).mkdir()
        for file in files:
            (tmp_path / name / file).touch()
        machines.append(Directory(path=tmp_path / name))
    return ClusterMachine(host="a.test", front_machines=machines[:2], store_machines=machines[2:])


def test_an_address_has_a_store(cluster: ClusterMachine) -> None:
    """The first one for an address that does not exist; a machine alone has all."""
    alone = cluster.fronts[0]

    assert cluster.store_of("x@a.test") == cluster.stores[1]
    assert cluster.store_of("nobody1@a.test") == cluster.stores[0]
    assert alone.store_of("x@a.test") == alone


def test_fronts_and_stores_are_members(cluster: ClusterMachine) -> None:
    """A machine alone is all of them."""
    alone = cluster.fronts[0]

    assert cluster.members == (*cluster.fronts, *cluster.stores)
    assert alone.members == alone.fronts == alone.stores == (alone,)


def test_mailboxes_are_where_they_are(cluster: ClusterMachine) -> None:
    """A command about several addresses is divided; one about none runs on all stores."""
    assert cluster.run("doveadm", "kick", "x@a.test") == "store2: doveadm kick x@a.test\n"
    assert cluster.run("doveadm", "stats", "y@a.test", "x@a.test") == (
        "store1: doveadm stats y@a.test\nstore2: doveadm stats x@a.test\n"
    )
    assert cluster.run("doveadm", "who") == "store1: doveadm who\nstore2: doveadm who\n"
    assert cluster.run("doveadm", "kick", "new@a.test") == "store1: doveadm kick new@a.test\n"
    assert cluster.store_of("x@a.test") == cluster.stores[1]
    assert cluster.store_of("new@a.test") == cluster.stores[0]


def test_units_are_where_they_are(cluster: ClusterMachine) -> None:
    """Each machine gets its own; an unknown one reaches the first front, which says so."""
    assert cluster.run("systemctl", "restart", "postfix", "dovecot") == (
        "front1: systemctl restart postfix\nfront2: systemctl restart postfix\n"
        "store1: systemctl restart dovecot\nstore2: systemctl restart dovecot\n"
    )
    assert cluster.run("systemctl", "stop", "x") == "front1: systemctl stop x\n"


def test_numbers_of_processes_are_of_the_machine_that_told_one(cluster: ClusterMachine) -> None:
    """The first that has the unit."""
    cluster.run("systemctl", "show", "--property=MainPID", "--value", "dovecot")

    assert cluster.run("cat", "/proc/7/status") == "store1: cat /proc/7/status\n"


def test_a_failure_is_told(cluster: ClusterMachine) -> None:
    """Except that a message is in one queue only."""
    first, second = cluster.fronts
    assert isinstance(first, Directory)
    broken = replace(first, fails_at=("postcat", "nft"))
    half = replace(cluster, front_machines=[broken, second])

    assert half.run("postcat", "-q", "ABC") == "front2: postcat -q ABC\n"
    with pytest.raises(CommandFailedError, match="nft list"):
        half.run("nft", "list", "tables")
