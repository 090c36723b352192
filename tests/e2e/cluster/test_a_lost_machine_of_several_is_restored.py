"""A store and a front that lost their disk come back from their own backups."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
from backup.loss import STATE, lose
from chatmail_testkit.relays.cluster.machine import ClusterMachine
from chatmail_testkit.relays.machine import RemoteMachine
from chatmail_testkit.waiting import RETRIED_S, wait_for
from cluster.conftest import People, PersonAt, can_log_in, texts
from imapclient.exceptions import LoginError

pytestmark = pytest.mark.disturbs

# as in tests/e2e/lab.nix
REPOSITORY = "/var/backups/chatmail"


@pytest.fixture(autouse=True)
def _no_backup(cluster: ClusterMachine) -> Iterator[None]:
    """Nothing is stored before and after."""
    _remove(cluster)
    yield
    _remove(cluster)


def test_a_store(people: People, cluster: ClusterMachine) -> None:
    """Its people have address, password and mail again; those of other stores noticed nothing."""
    lost, other = cluster.stores[:2]
    alice, bob = people[lost][0], people[other][0]
    alice.sends(alice, text="before")
    wait_for(lambda: "before" in texts(alice), "the message")
    had = texts(alice)
    lost.run("chatmail", "backup", "create", "--init")
    alice.leaves()

    lose(lost)
    # it answers, and would deny its accounts
    wait_for(lambda: all(_is_another(front, lost) for front in cluster.fronts), "another store")
    assert not can_log_in(alice)
    bob.sends(alice, text="waits")
    bob.sends(bob, text="meanwhile")
    wait_for(lambda: "meanwhile" in texts(bob), "mail of others")
    lost.run("chatmail", "backup", "restore")

    wait_for(partial(can_log_in, alice), "a login")
    wait_for(lambda: texts(alice) == [*had, "waits"], "what waited", within_s=RETRIED_S)
    bob.sends(alice, text="after")
    wait_for(lambda: texts(alice) == [*had, "waits", "after"], "new mail")
    alice.leaves()
    with pytest.raises(LoginError):
        alice.logs_in("another password")


def test_a_front(people: People, person_at: PersonAt, cluster: ClusterMachine) -> None:
    """It signs with the same key, and its people never left."""
    lost = cluster.fronts[0]
    key = _key(lost)
    lost.run("chatmail", "backup", "create", "--init")

    lose(lost)
    assert _key(lost) != key
    lost.run("chatmail", "backup", "restore")

    assert _key(lost) == key
    alice = person_at(lost, people[cluster.stores[0]][0])
    wait_for(partial(can_log_in, alice), "a login")
    alice.sends(alice, text="over this front")
    wait_for(lambda: "over this front" in texts(alice), "the message")


def _is_another(front: RemoteMachine, store: RemoteMachine) -> bool:
    name = store.host.partition(".")[0]
    status = front.run("sh", "-c", "chatmail status || true")
    return f"wrong: {name} is another store than before" in status


def _key(front: RemoteMachine) -> str:
    """The digest of its DKIM keys."""
    return front.run("sh", "-c", f"cat {STATE}/dkim/*.private | sha256sum")


def _remove(cluster: ClusterMachine) -> None:
    for member in cluster.members:
        member.run("rm", "-rf", REPOSITORY, f"{STATE}/backup/last.json")
