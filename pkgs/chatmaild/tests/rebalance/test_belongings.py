"""Invites move as accounts do; every store knows which names were deleted at the others."""

import pathlib
import time

import pytest

from chatmaild.address import parse_address
from chatmaild.errors import StoreDownError
from chatmaild.rebalance import belongings
from chatmaild.rebalance.belongings import Deleted
from chatmaild.store.invites import Invite, Invites
from chatmaild.store.tombstones import Tombstones

from .cluster import Cluster

INVITE = Invite(token="abcdefgh12345678", uses_left=3, expires_s=None)
GONE = parse_address("deleted12@chat.example.org")


def both(cluster: Cluster) -> tuple[Invites, Invites]:
    """The invites of the two stores."""
    return Invites.of(cluster["store1"].settings), Invites.of(cluster["store2"].settings)


def send(cluster: Cluster) -> None:
    """Hand all invites of the first store over to the second."""
    mine, _ = both(cluster)
    belongings.send_invites(mine, "store1", lambda _: "store2", lambda _: cluster["store2"].peer)


def test_an_invite_is_handed_over_once(cluster: Cluster) -> None:
    """With the uses that are left; a use after that is not forgotten by a repeated request."""
    mine, theirs = both(cluster)
    mine.keep(INVITE)
    cluster["store2"].start()

    send(cluster)
    assert mine.all() == []
    assert theirs.all() == [INVITE]
    theirs.redeem(INVITE.token, now_s=0)
    theirs.keep(INVITE)
    assert [one.uses_left for one in theirs.all()] == [2]


def test_an_invite_stays_if_the_other_store_is_down(cluster: Cluster) -> None:
    """It can be used."""
    mine, _ = both(cluster)
    mine.keep(INVITE)

    with pytest.raises(StoreDownError):
        send(cluster)
    assert mine.all() == [INVITE]


def test_an_invite_that_was_handed_over_by_halves(cluster: Cluster) -> None:
    """The kill came after the request: the other store keeps what it has."""
    mine, theirs = both(cluster)
    theirs.keep(INVITE)
    theirs.redeem(INVITE.token, now_s=0)
    mine.keep(INVITE)
    place = pathlib.Path(cluster["store1"].settings.directories.accounts) / "invites"
    (place / INVITE.token).rename(place / f".leaving-{INVITE.token}")
    cluster["store2"].start()

    send(cluster)
    assert list(place.iterdir()) == []
    assert [one.uses_left for one in theirs.all()] == [2]


def test_a_name_that_was_deleted_elsewhere_is_not_given(cluster: Cluster) -> None:
    """Nor one that was deleted after the first transfer; another name is free."""
    first, second = cluster["store1"], cluster["store2"]
    mine = Tombstones.of(first.settings)
    theirs = Tombstones.of(second.settings)
    second.start()
    peer, deleted = second.peer, Deleted(mine, "store1")
    now_s = time.time()
    for name in (GONE, parse_address("deleted34@chat.example.org")):
        assert not theirs.has(name, now_s=now_s)
        mine.add(name, now_s=now_s)
        deleted.send(peer)
        assert theirs.has(name, now_s=now_s)

    assert not theirs.has(parse_address("another12@chat.example.org"), now_s=now_s)


def test_names_of_a_third_store_are_handed_on(cluster: Cluster) -> None:
    """A store that is drained may have those of one that is gone already."""
    third = Tombstones(pathlib.Path(cluster["store1"].settings.directories.state) / "third", 90)
    third.add(GONE, now_s=time.time())
    mine = Tombstones.of(cluster["store1"].settings)
    for store, name, content in third.files("store3"):
        mine.keep(store, name, 0, content)
    cluster["store2"].start()

    with pytest.raises(Exception, match="store2: status 400"):
        # this cluster has no such store
        Deleted(mine, "store1").send(cluster["store2"].peer)
    assert mine.has(GONE, now_s=time.time())


@pytest.mark.parametrize(
    ("name", "at", "content"),
    [
        ("../key", 0, b"x" * 32),
        ("key", 0, b"x" * 31),
        ("key", 16, b"x" * 32),
        ("2026-11-29", 8, b"x" * 16),
        ("2026-11-29", 0, b"x" * 15),
        ("2026-13-29", 0, b"x" * 16),
    ],
)
def test_other_files_are_refused(cluster: Cluster, name: str, at: int, content: bytes) -> None:
    """They could be anything."""
    with pytest.raises(ValueError, match="no file of deleted names"):
        Tombstones.of(cluster["store1"].settings).keep("store2", name, at, content)


def test_the_names_of_another_store_are_forgotten_after_their_time(cluster: Cluster) -> None:
    """As its own are."""
    first, second = (Tombstones.of(cluster[name].settings) for name in ("store1", "store2"))
    long_ago_s = time.time() - 400 * 86400
    first.add(GONE, now_s=long_ago_s)
    for store, name, content in first.files("store1"):
        second.keep(store, name, 0, content)

    assert second.has(GONE, now_s=long_ago_s)
    assert second.expire(now_s=time.time()) == 1
    assert not second.has(GONE, now_s=long_ago_s)
