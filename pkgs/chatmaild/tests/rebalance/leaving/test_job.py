"""All accounts of a store move, with real services that are killed again and again."""

import pathlib
import time
from typing import Any

import pytest

from chatmaild.address import parse_address
from chatmaild.rebalance import progress
from chatmaild.store.invites import Invite, Invites
from chatmaild.store.tombstones import Tombstones

from ...waiting import until
from ..cluster import Cluster

MANY = 60
# what is to be seen at each step of a move
STEPS = (
    "store1/mail/*/moving",
    "store1/mail/*/moving/committing",
    "store2/mail/.arriving-*",
    "store2/accounts/arrivals/*",
    "store1/mail/.deleted-*",
    "store2/mail/*@*",
)


def test_a_drained_store_is_empty_afterwards(cluster: Cluster) -> None:
    """Addresses, invites and names of deleted addresses are at the other store."""
    first, second = cluster["store1"], cluster["store2"]
    addresses = [cluster.address(number) for number in range(20)]
    for address in addresses:
        first.add(address)
    Invites.of(first.settings).keep(Invite(token="abcdefgh12345678", uses_left=2, expires_s=None))
    gone = parse_address("deleted12@chat.example.org")
    Tombstones.of(first.settings).add(gone, now_s=time.time())
    first.start()
    second.start()

    until(lambda: Tombstones.of(second.settings).has(gone, now_s=time.time()), "the deleted name")
    assert all(cluster.where(address) == ["store1"] for address in addresses), "nobody asked"
    first.want()
    until(first.is_over, "the end of the moves")

    assert [cluster.where(address) for address in addresses] == [["store2"]] * 20
    assert list(first.mail.iterdir()) == []
    invites = Invites.of(second.settings)
    assert [(one.token, one.uses_left) for one in invites.all()] == [("abcdefgh12345678", 2)]
    assert Invites.of(first.settings).all() == []
    until(lambda: not progress.read(first.settings).running, "the last report")
    found = progress.read(first.settings)
    assert (found.left, found.moved, found.problem) == (0, 20, "")


@pytest.mark.parametrize("killed", [["store1", "store2"], ["store2", "store1"], ["store2"]])
def test_kills_lose_and_double_nothing(
    cluster: Cluster, tmp_path: pathlib.Path, killed: list[str]
) -> None:
    """Each account is at one store at each moment, or it is not used at either."""
    first, second = cluster["store1"], cluster["store2"]
    addresses = [cluster.address(number) for number in range(MANY)]
    for address in addresses:
        first.add(address)
    texts = {address: first.texts(address) for address in addresses}
    first.want()
    second.start()
    first.start()

    kills = 0
    # all steps are hit: each time another one is waited for, and who waits looks again after 5 ms
    for step in STEPS:
        seen = len(list(tmp_path.glob(step)))
        until(lambda: len(list(tmp_path.glob(step))) != seen or first.is_over(), step)  # noqa: B023
        kills += not first.is_over()
        for name in killed:
            cluster[name].kill()
        assert all(1 <= len(cluster.where(address)) <= 2 for address in addresses)
        for name in killed:
            cluster[name].start()
    until(first.is_over, "the end of the moves")

    assert kills > 2
    assert [cluster.where(address) for address in addresses] == [["store2"]] * MANY
    assert {address: second.texts(address) for address in addresses} == texts
    assert [path for path in first.mail.iterdir() if "@" in path.name] == []


def test_only_what_belongs_to_a_new_store_moves(
    settings_json: dict[str, Any], tmp_path: pathlib.Path
) -> None:
    """The rest stays where it is."""
    cluster = Cluster(settings_json, tmp_path, {"store1": 1, "store2": 1})
    addresses = [cluster.address(number) for number in range(30)]
    try:
        for address in addresses:
            cluster["store1"].add(address, messages=1)
        for store in cluster.stores.values():
            store.start()
        cluster["store1"].want()
        until(cluster["store1"].is_over, "the end of the moves")
    finally:
        cluster.close()

    assert [cluster.where(one) for one in addresses] == [
        [cluster.place_of(one)] for one in addresses
    ]
    assert 5 < sum(cluster.place_of(one) == "store2" for one in addresses) < 25


def test_a_store_that_is_down_is_a_problem_until_it_is_back(
    cluster: Cluster,
) -> None:
    """The operator reads its name; the moves go on by themselves."""
    first, second = cluster["store1"], cluster["store2"]
    first.add(cluster.address(1))
    first.want()
    first.start()

    until(lambda: "store2" in progress.read(first.settings).problem, "the problem")
    assert progress.read(first.settings).left == 1
    assert cluster.where(cluster.address(1)) == ["store1"]
    second.start()
    until(first.is_over, "the end of the moves")

    assert cluster.where(cluster.address(1)) == ["store2"]
