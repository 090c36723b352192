"""A relay of several machines, and people on each of its stores."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.cluster.machine import ClusterMachine
from chatmail_testkit.relays.cluster.rebalancing import Rebalancing
from chatmail_testkit.relays.cluster.trouble import FrontTarget
from chatmail_testkit.relays.lab import LabTarget
from chatmail_testkit.relays.machine import RemoteMachine
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.waiting import wait_for
from imapclient.exceptions import IMAPClientError

# on each store
NEIGHBOURS = 2
# a lot places each person
MOST_PEOPLE = 60
People = Mapping[RemoteMachine, Sequence[Person]]
PersonAt = Callable[[RemoteMachine, Person], Person]


@pytest.fixture(scope="session")
def cluster(machine: Machine) -> ClusterMachine:
    """All machines of the relay; skips the test where it is one."""
    if not isinstance(machine, ClusterMachine):
        pytest.skip("needs a relay of several machines: lab up a.test=2+3")
    assert len(machine.fronts) > 1
    assert len(machine.stores) > 1
    return machine


@pytest.fixture(scope="session")
def settled(lab: LabTarget, relay: str, cluster: ClusterMachine) -> People:
    """Two people at least on each store, for all scenarios."""
    found: dict[RemoteMachine, list[Person]] = defaultdict(list)
    for _ in range(MOST_PEOPLE):
        person = Person(target=lab, domain=relay)
        person.logs_in()
        person.leaves()
        store = cluster.store_of(person.address)
        assert store is not None
        found[store].append(person)
        if all(len(found[store]) >= NEIGHBOURS for store in cluster.stores):
            return found
    pytest.fail(f"{MOST_PEOPLE} people, and nobody on one of the stores")


@pytest.fixture
def people(settled: People, person_at: PersonAt, cluster: ClusterMachine) -> Iterator[People]:
    """The same people, whose sessions end after the scenario; all fronts reach all stores."""
    for front in cluster.fronts:
        for store in cluster.stores:
            person = person_at(front, settled[store][0])
            wait_for(partial(can_log_in, person), f"{front.host} reaches {store.host}")
    yield settled
    for neighbours in settled.values():
        for person in neighbours:
            person.leaves()


@pytest.fixture
def rebalancing(cluster: ClusterMachine) -> Iterator[Rebalancing]:
    """The moves of the relay's addresses; the places are as before afterwards."""
    found = Rebalancing(cluster)
    before = found.placements()
    yield found
    found.place(*before)


@pytest.fixture
def person_at(lab: LabTarget, relay: str) -> Iterator[PersonAt]:
    """Return a person again, with a client that knows one front only."""
    with contextlib.ExitStack() as stack:

        def at(front: RemoteMachine, person: Person) -> Person:
            target = FrontTarget(name=lab.name, relays=lab.relays, front=front.host, domain=relay)
            there = Person(
                target=target,
                domain=relay,
                name=person.name,
                password=person.password,
                key=person.key,
                last_uid=person.last_uid,
            )
            stack.callback(there.leaves)
            return there

        yield at


def texts(person: Person) -> list[str]:
    """Return the texts of all messages in an INBOX."""
    return [letter.text for letter in person.inbox()]


def can_log_in(person: Person) -> bool:
    """Return whether a session opens, or is open."""
    try:
        person.imap.noop()
    except (IMAPClientError, OSError):
        person.leaves()
        return False
    return True
