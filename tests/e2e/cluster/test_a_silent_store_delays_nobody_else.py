"""A store becomes silent: messages to people of other stores take no longer than before."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Sequence

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.cluster.machine import ClusterMachine
from chatmail_testkit.relays.cluster.trouble import alone
from chatmail_testkit.relays.lab import LabTarget
from cluster.conftest import People
from conftest import PersonFactory

pytestmark = pytest.mark.measures

MESSAGES = 100
# of one address at once
BURST = 8
SLOWER = 1.2
# what the machine can tell apart
NOISE_S = 0.02
# a message that a queue keeps waits for 30 s
SLOWEST_S = 5.0


def test_a_hundred_messages(
    people: People, new_person: PersonFactory, lab: LabTarget, cluster: ClusterMachine
) -> None:
    """Before and after, and from the first moment on, while mail for the store comes in."""
    silent = cluster.stores[0]
    bob = new_person(cluster.host)
    while cluster.store_of(bob.address) in (None, silent):
        bob = new_person(cluster.host)
        bob.logs_in()
    writers = [person for store in cluster.stores[1:] for person in people[store]]
    while len(writers) * BURST < 2 * MESSAGES:
        person = new_person(cluster.host)
        person.logs_in()
        if cluster.store_of(person.address) != silent:
            writers.append(person)
    for writer in writers:
        writer.smtp.noop()
    bob.imap.noop()
    usual = _delays(writers, bob, MESSAGES // 2)
    with alone(lab, silent.host):
        during = _delays(writers, bob, MESSAGES, people[silent])
    usual += _delays(writers, bob, MESSAGES // 2)

    figures = f"before and after: {_in_words(usual)}; during: {_in_words(during)}"
    print(figures)
    assert _p95(during) <= SLOWER * _p95(usual) + NOISE_S, figures
    assert max(during) < SLOWEST_S, figures


def _delays(
    writers: Sequence[Person], recipient: Person, messages: int, others: Sequence[Person] = ()
) -> list[float]:
    """Seconds from each submission to the arrival; every tenth message is for others, too."""
    delays = []
    for number, writer in zip(range(messages), itertools.cycle(writers), strict=False):
        also = others if number % 10 == 0 else ()
        started_s = time.monotonic()
        writer.sends(recipient, *also, text=f"message {number}")
        assert recipient.receives().text == f"message {number}"
        delays.append(time.monotonic() - started_s)
    return delays


def _p95(delays: Sequence[float]) -> float:
    return statistics.quantiles(delays, n=20)[-1]


def _in_words(delays: Sequence[float]) -> str:
    median, p95, most = (1000 * x for x in (statistics.median(delays), _p95(delays), max(delays)))
    return f"median {median:.0f} ms, p95 {p95:.0f} ms, most {most:.0f} ms"
