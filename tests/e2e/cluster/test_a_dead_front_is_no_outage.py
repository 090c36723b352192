"""A front loses its power, or its cable: clients and other relays go on through the other one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.cluster.machine import ClusterMachine
from chatmail_testkit.relays.cluster.trouble import alone, apart, power_cut
from chatmail_testkit.relays.lab import LabTarget
from chatmail_testkit.waiting import wait_for
from cluster.conftest import People, PersonAt, texts
from delta_chat.server import core, login_of, profile

pytestmark = pytest.mark.disturbs

Trouble = Callable[[LabTarget, str], AbstractContextManager[object]]


@pytest.mark.parametrize("trouble", [power_cut, alone])
def test_all_go_on_through_the_other(
    trouble: Trouble,
    people: People,
    person_at: PersonAt,
    carol: Person,
    lab: LabTarget,
    cluster: ClusterMachine,
    tmp_path: Path,
) -> None:
    """A new user of Delta Chat, another relay; what waits at the front arrives when it is back."""
    (front, other_front), (store, other_store) = cluster.fronts[:2], cluster.stores[:2]
    # both: Postfix' queue manager remembers its last look-up for 30 s
    (alice, bob), (dave, erin) = people[store][:2], people[other_store][:2]
    sender = person_at(front, dave)
    there, reader = person_at(other_front, alice), person_at(other_front, erin)
    waits, passes = f"{trouble.__name__}: waits", f"{trouble.__name__}: passes"
    for person in (sender, carol):
        person.smtp.noop()
    with apart(front, lab.addresses(store.host)):
        sender.sends(alice, bob, text=waits)
        wait_for(lambda: alice.address in front.queue(), "the message waits")
        with trouble(lab, front.host):
            carol.sends(erin, text=passes)
            with core(tmp_path) as chats:
                login_of(profile(chats, lab, cluster.host, "Frank"))
            wait_for(lambda: passes in texts(reader), "mail by the other front")
            # what has come by the front waits there
            assert waits not in texts(there)

    wait_for(lambda: waits in texts(there), "what waited")
    wait_for(lambda: alice.address not in front.queue(), "an empty queue")
    assert texts(there).count(waits) == 1
    assert texts(reader).count(passes) == 1
