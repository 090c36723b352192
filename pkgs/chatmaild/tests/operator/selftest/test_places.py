"""Where the addresses of a selftest are made."""

import pathlib

import pytest

from chatmaild.errors import ChatmaildError
from chatmaild.operator.selftest.people import is_known, two_people
from chatmaild.operator.selftest.places import Here, places
from chatmaild.settings import Settings
from chatmaild.store.passwords import verify_password
from chatmaild.store.tombstones import DIRECTORY

from ..cluster.world import World


def kept(world: World) -> list[pathlib.Path]:
    """The files with names that nobody else may take."""
    return [
        path
        for store in world.stores.values()
        for path in (pathlib.Path(store.settings.directories.accounts) / DIRECTORY).glob("[0-9]*")
    ]


def test_a_whole_relay_makes_them_itself(settings: Settings) -> None:
    """As it always did."""
    assert isinstance(places(settings), Here)


def test_a_front_has_them_made_on_two_stores(world: World) -> None:
    """Each where fronts look for it; afterwards nothing is left of them."""
    settings, before = world.front.settings, kept(world)
    with two_people(settings) as people:
        homes = [world.homes(str(person.address)) for person in people]
        assert all(is_known(settings, person) for person in people)
        for person, (home,) in zip(people, homes, strict=True):
            encoded = world.stores[home].mailboxes.password_hash(person.address)
            assert verify_password(person.password.encode(), encoded or "")

    assert sorted(home for (home,) in homes) == ["store1", "store2"]
    assert [world.homes(str(person.address)) for person in people] == [[], []]
    assert kept(world) == before


def test_a_store_that_is_down_is_left_out(half: World) -> None:
    """Mail of the others is tested."""
    with two_people(half.front.settings) as people:
        assert [half.homes(str(person.address)) for person in people] == [["store1"]] * 2


def test_no_store_answers(world: World) -> None:
    """There is nobody to test with."""
    for store in world.stores.values():
        store.stop()
    try:
        with (
            pytest.raises(ChatmaildError, match="no store answers"),
            two_people(world.front.settings),
        ):
            raise AssertionError
    finally:
        for name, store in world.stores.items():
            store.start()
            world.sees(name, is_up=True)


def test_a_store_knows_that_its_service_runs(world: World) -> None:
    """It is asked about addresses by fronts alone."""
    settings = world.stores["store1"].settings
    with two_people(settings) as (alice, _):
        assert world.homes(str(alice.address)) == ["store1"]
        assert is_known(settings, alice)
