"""A flood of unknown addresses is bounded, and people do not notice it."""

import asyncio
import json
import time
from typing import Any

import pytest

from chatmaild.address import Address, parse_address
from chatmaild.directory import searches
from chatmaild.directory.placement import winner
from chatmaild.directory.searches import BURST_S, Purpose, Searches
from chatmaild.errors import SearchLimitError
from chatmaild.metrics import Counters

from .conftest import Clock, PlayCluster
from .support.cluster import Cluster

UNKNOWN = "OK error:5.1.1 Recipient address rejected: User unknown"
# as many as real stores on a busy machine answer many times within a second
MAIL_PER_S = 10
FLOOD = 400
THREE = {"store1": 1, "store2": 1, "store3": 1}


def _taken(budget: Searches, purpose: Purpose) -> int:
    """Use up a budget; return how many searches it had."""
    for count in range(10**5):
        try:
            budget.begin(purpose)
        except SearchLimitError:
            return count
    raise AssertionError("no limit")


@pytest.mark.parametrize(
    ("stores", "mail_per_s", "people_per_s"),
    [(2, 500, 1500), (10, 100, 300), (100, 10, 30), (1000, 2, 8)],
)
def test_searches_cost_so_many_questions(stores: int, mail_per_s: int, people_per_s: int) -> None:
    """A search asks all stores, so there are fewer with more stores."""
    clock, counters = Clock(), Counters()
    budget = Searches(stores, counters, clock)
    _taken(budget, "mail")
    _taken(budget, "people")
    clock.now_s += 1.0
    assert (_taken(budget, "mail"), _taken(budget, "people")) == (mail_per_s, people_per_s)

    clock.now_s += 1000.0
    assert _taken(budget, "mail") == mail_per_s * BURST_S
    assert counters.value("directory_searches", kind="mail", result="refused") == 3


@pytest.mark.parametrize(("one", "other"), [("mail", "people"), ("people", "mail")])
def test_one_budget_does_not_use_the_other(one: Purpose, other: Purpose) -> None:
    """Strangers keep no new people out, and the other way round."""
    budget = Searches(10, Counters(), Clock())
    _taken(budget, one)

    budget.begin(other)


def test_a_flood_of_unknown_recipients(
    play_cluster: PlayCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Most of it waits. Mail for people, their logins and new people go on all the time."""
    monkeypatch.setattr(searches, "QUESTIONS_PER_S", {"mail": 3 * MAIL_PER_S, "people": 3000})

    async def scenario(cluster: Cluster) -> None:
        people = [_name(store, number) for number in range(5) for store in THREE]
        for number, person in enumerate(people):
            await _log_in(cluster, person, f"192.0.2.{number}")
        start_s = time.monotonic()
        flood = asyncio.create_task(_flood(cluster))

        for number in range(10):
            for person in people:
                hop = f"OK lmtp:inet:[{_place(cluster, person)}]:24"
                assert await cluster.map(f"transport {person}") == hop
                status, state = await cluster.state(f"/address?address={person}")
                assert (status, state["state"]) == (200, "here")
            await _log_in(cluster, people[number], "192.0.2.99")
            await _log_in(cluster, _name("store1", 100 + number), f"198.51.100.{number}")
            status, _, body = await cluster.web("POST", "/new", x_real_ip=f"203.0.113.{number}")
            assert status == 200
            offer = json.loads(body)
            await _log_in(cluster, parse_address(offer["email"]), "", offer["password"])

        answers = await flood
        unknown, waits = answers.count(UNKNOWN), sum(a.startswith("OK retry:") for a in answers)
        assert unknown + waits == FLOOD
        most = MAIL_PER_S * (BURST_S + time.monotonic() - start_s)
        assert MAIL_PER_S * BURST_S <= unknown <= most < FLOOD

        counted = await cluster.metrics()
        assert 'chatmail_directory_searches_total{kind="mail",result="refused"}' in counted
        assert 'chatmail_directory_searches_total{kind="people",result="refused"} 0' in counted

    play_cluster(scenario)


async def _flood(cluster: Cluster) -> list[str]:
    """Ask for random recipients, as sessions of Postfix do."""

    async def session(first: int) -> list[str]:
        names = [f"random{number:05}@chat.example.org" for number in range(first, FLOOD, 8)]
        return [await cluster.map(f"transport {name}") for name in names]

    sessions = await asyncio.gather(*(session(first) for first in range(8)))
    return [answer for answers in sessions for answer in answers]


def _name(store: str, number: int) -> Address:
    """An address that a store would get."""
    texts = (f"user{number:03}{tail:02}@chat.example.org" for tail in range(100))
    return parse_address(next(text for text in texts if winner(text, THREE) == store))


def _place(cluster: Cluster, address: Address) -> str:
    machine = cluster.stores[str(winner(str(address), THREE))]
    return str(machine.settings.cluster.address)


async def _log_in(
    cluster: Cluster, address: Address, ip: str, password: str = "secret-password"
) -> None:
    status, body = await cluster.login(str(address), password, ip)
    answer: Any = json.loads(body)
    assert (status, answer["active"]) == (200, True)
