"""A store that is to leave gets no new addresses, and gives those that it has to the others."""

from __future__ import annotations

import pytest
from chatmail_testkit.relays.cluster.rebalancing import Rebalancing, name_of
from chatmail_testkit.waiting import COMMAND_S, wait_for
from cluster.conftest import People, texts
from conftest import PersonFactory

pytestmark = pytest.mark.disturbs

NEW = 4


def test_a_drained_store(
    rebalancing: Rebalancing, people: People, new_person: PersonFactory, relay: str
) -> None:
    """Its people have their mail elsewhere, and come back with it when the store stays."""
    leaving = rebalancing.cluster.stores[-1]
    [*_, everywhere] = [dict(one) for one in rebalancing.placements()]
    elsewhere = {name: weight for name, weight in everywhere.items() if name != name_of(leaving)}
    alice = people[leaving][0]
    before = len(texts(alice))
    alice.sends(alice, text="from the store")
    assert alice.receives().text == "from the store"
    number = rebalancing.number_at(leaving)

    rebalancing.place(elsewhere, everywhere)
    for person in (new_person(relay) for _ in range(NEW)):
        person.sends(alice, text="while she leaves")
        assert rebalancing.cluster.store_of(person.address) != leaving
    assert [alice.receives().text for _ in range(NEW)] == ["while she leaves"] * NEW
    _moves_all(rebalancing)

    assert rebalancing.number_at(leaving) == 0
    alice.leaves()
    alice.sends(alice, text="from elsewhere")
    assert alice.receives().text == "from elsewhere"
    assert len(texts(alice)) == before + NEW + 2

    alice.leaves()
    rebalancing.place(everywhere, elsewhere)
    _moves_all(rebalancing)
    assert rebalancing.number_at(leaving) >= number
    assert rebalancing.cluster.store_of(alice.address) == leaving
    assert len(texts(alice)) == before + NEW + 2


def _moves_all(rebalancing: Rebalancing) -> None:
    rebalancing.start()
    wait_for(rebalancing.is_over, "the end of the moves", within_s=COMMAND_S)
    problems = [one["problem"] for one in rebalancing.status().values()]
    assert not any(problems), problems
