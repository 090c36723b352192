"""Which names belong to a store."""

from typing import Any

import pytest

from chatmaild.address import parse_address
from chatmaild.directory.placement import winner
from chatmaild.errors import ChatmaildError
from chatmaild.operator.cluster import place
from chatmaild.settings import Settings

NAMES = [f"name{number:05}@chat.example.org" for number in range(60)]
OLD = {"store1": 1}
NEW = {"store1": 1, "store2": 1}


def of(document: dict[str, Any], machine: str, *placements: dict[str, int]) -> Settings:
    """The settings of a store."""
    document["cluster"] |= {
        "role": "store",
        "machine": machine,
        "placements": list(placements),
        "fronts": {"front1": {"address": "fd00::1", "host": "f", "publicKey": "A" * 43 + "="}},
    }
    return Settings.from_json(document)


def test_a_whole_relay_has_all_names(settings: Settings) -> None:
    """There is no other place."""
    assert all(place.is_placed_here(settings, name) for name in NAMES)
    assert all(place.is_nowhere_else(settings, name) for name in NAMES)


def test_a_store_has_its_names(settings_json: dict[str, Any]) -> None:
    """Those that fronts look for on it."""
    settings = of(settings_json, "store2", NEW)

    mine = [name for name in NAMES if place.is_placed_here(settings, name)]
    assert mine == [name for name in NAMES if winner(name, NEW) == "store2"]
    assert mine == [name for name in NAMES if place.is_nowhere_else(settings, name)]
    place.check_is_placed_here(settings, parse_address(mine[0]))
    other = next(name for name in NAMES if name not in mine)
    with pytest.raises(ChatmaildError, match=r"is store1: run this there, or on a front: front1"):
        place.check_is_placed_here(settings, parse_address(other))


def test_a_name_may_be_where_an_earlier_placement_put_it(settings_json: dict[str, Any]) -> None:
    """An import on the new store cannot know, and leaves it."""
    settings = of(settings_json, "store2", NEW, OLD)

    assert any(place.is_placed_here(settings, name) for name in NAMES)
    assert not any(place.is_nowhere_else(settings, name) for name in NAMES)


def test_a_drained_store_has_names_of_an_earlier_placement(settings_json: dict[str, Any]) -> None:
    """Such as those of its selftest and its invites."""
    settings = of(settings_json, "store2", OLD, NEW)

    found = [name for name in NAMES if place.is_placed_here(settings, name)]
    assert found == [name for name in NAMES if winner(name, NEW) == "store2"]
