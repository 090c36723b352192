"""A store is added under traffic, and the moves are killed: no mail is lost or doubled."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import aiosmtplib
import pytest
from chatmail_testkit.mail.reply import OK
from chatmail_testkit.people.names import new_name
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.cluster.rebalancing import Rebalancing, name_of
from chatmail_testkit.relays.machine import RemoteMachine
from chatmail_testkit.relays.target import Target
from chatmail_testkit.waiting import wait_for
from imapclient.exceptions import IMAPClientError

pytestmark = pytest.mark.disturbs

# 100 for a whole run: scripts/scale rebalance
SCALE = int(os.environ.get("CHATMAIL_REBALANCE_SCALE", "1"))
# addresses that move, besides those of the people
MOVING = 100 * SCALE
STAYING = 20 * SCALE
MESSAGES = 3
WATCHERS = 6 + SCALE // 10
SENDERS = 4 + SCALE // 20
# of one sender; the relay allows one in a second, and ten at once
PAUSE_S = 1.05
# of the services of the moves
KILLS = 3 + SCALE // 10
# what a person sees
LONGEST_S = 5.0
OVER_S = 60.0 + 12 * SCALE


@dataclass
class Watcher:
    """A client that is connected all the time, and connects again at once.

    Attributes:
        longest_s: the longest time without an answer of the relay.
        seen_s: when each message was seen, by Message-ID.
    """

    person: Person
    longest_s: float = 0.0
    reconnects: int = 0
    seen_s: dict[str, float] = field(default_factory=dict)

    def run(self, stop: threading.Event) -> None:
        """Ask for messages until it ends."""
        answered_s = time.monotonic()
        uid = 0
        while not stop.wait(0.02):
            try:
                uids = [one for one in self.person.imap.search(f"UID {uid + 1}:*") if one > uid]
                found = self.person.imap.fetch(uids, ["ENVELOPE"]) if uids else {}
            except (IMAPClientError, OSError):
                self.reconnects += 1
                with contextlib.suppress(Exception):
                    self.person.leaves()
                continue
            now_s = time.monotonic()
            self.longest_s = max(self.longest_s, now_s - answered_s)
            answered_s = now_s
            for one in found.values():
                self.seen_s.setdefault(one[b"ENVELOPE"].message_id.decode(), time.time())
            uid = max([uid, *uids])


@dataclass
class Sender:
    """A client that sends a message each second, and again what was not accepted.

    Attributes:
        accepted_s: when each message was accepted, by Message-ID.
        to: the recipient of each.
    """

    person: Person
    recipients: Sequence[str]
    accepted_s: dict[str, float] = field(default_factory=dict)
    to: dict[str, str] = field(default_factory=dict)
    refused: Counter[int] = field(default_factory=Counter)

    def run(self, stop: threading.Event) -> None:
        """Send until it ends; the last message is accepted then."""
        for number in itertools.count():
            if stop.wait(PAUSE_S):
                return
            recipient = random.choice(self.recipients)
            name = f"<{number}.{self.person.name}@rebalance.example>"
            message = self.person.writes(recipient, headers={"Message-ID": name})
            wait_for(partial(self._accepts, message, recipient), "a reply 250")
            self.accepted_s[name], self.to[name] = time.time(), recipient

    def _accepts(self, message: bytes, recipient: str) -> bool:
        try:
            reply = self.person.submits(message, recipient)
        except (aiosmtplib.SMTPException, OSError):
            self.person.leaves()
            self.refused[0] += 1
            return False
        self.refused[reply.code] += reply.code != OK
        assert reply.code < 500, reply
        return reply.code == OK


def test_rebalance_loses_nothing(
    rebalancing: Rebalancing, target: Target, relay: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last store is new. Accounts that belong there move while people write and read."""
    stores = [name_of(store) for store in rebalancing.cluster.stores]
    before, after = dict.fromkeys(stores[:-1], 1), dict.fromkeys(stores, 1)
    newest = rebalancing.cluster.stores[-1]
    rebalancing.place(before)
    names = _Names(rebalancing, relay, before, after)
    watched = [_person(target, relay, next(names.moving)) for _ in range(WATCHERS)]
    senders = [_person(target, relay, next(names.staying)) for _ in range(SENDERS)]
    filled = _filled(rebalancing, target, relay, names)
    everybody = [*filled, *(person.address for person in (*watched, *senders))]
    had = {one: ids for content in rebalancing.content().values() for one, ids in content.items()}
    rebalancing.place(after, before)

    stop = threading.Event()
    readers = [Watcher(person) for person in watched]
    # half of the mail is for those whose clients look
    recipients = [*filled, *_often(watched, len(filled))]
    writers = [Sender(person, recipients) for person in senders]
    with _running(stop, [*(one.run for one in readers), *(one.run for one in writers)]):
        started_s = time.monotonic()
        first = rebalancing.number_at(newest)
        rebalancing.start()
        for number in range(1, KILLS + 1):
            share = first + MOVING * number // (KILLS + 1)
            wait_for(partial(_has, rebalancing, newest, share), "moves", within_s=OVER_S)
            rebalancing.kill()
        wait_for(rebalancing.is_over, "the end of the moves", within_s=OVER_S, every_s=1.0)
        took_s = time.monotonic() - started_s
    sent = {name: writer.to[name] for writer in writers for name in writer.to}
    accepted_s = {name: at for writer in writers for name, at in writer.accepted_s.items()}
    wait_for(lambda: _is_empty(rebalancing), "an empty queue", within_s=60.0)

    status = rebalancing.status()
    content = rebalancing.content()
    places = dict(zip(everybody, rebalancing.places_of(everybody, after), strict=True))
    waits = sorted(
        watcher.seen_s[name] - accepted_s[name]
        for watcher in readers
        for name in watcher.seen_s.keys() & accepted_s.keys()
    )
    for person in (*watched, *senders):
        person.leaves()
    with capsys.disabled():
        moved = sum(one["moved"] for one in status.values())
        print(f"\n{len(everybody)} addresses, {moved} moved in {took_s:.0f} s")
        print(f"out of use: {[one['longest_s'] for one in status.values()]} s at most")
        refused = sum((writer.refused for writer in writers), Counter[int]())
        print(f"{len(sent)} messages, refused for now: {dict(refused)}")
        print(
            f"silence of a client: {sorted(round(one.longest_s, 2) for one in readers)} s at most"
        )
        print(f"seen after {waits[len(waits) // 2]:.2f} s, the last {waits[-1]:.2f} s")

    assert {one: [places[one]] for one in everybody} == {
        one: [store for store in stores if one in content[store]] for one in everybody
    }
    expected = {one: sorted([*had[one], *(n for n in sent if sent[n] == one)]) for one in everybody}
    assert expected == {one: sorted(content[places[one]][one]) for one in everybody}
    assert all(not one["problem"] for one in status.values())
    assert max(one.longest_s for one in readers) < LONGEST_S
    assert waits[-1] < LONGEST_S


class _Names:
    """Addresses that move to the last store, and others that stay."""

    def __init__(
        self,
        rebalancing: Rebalancing,
        relay: str,
        before: Mapping[str, int],
        after: Mapping[str, int],
    ) -> None:
        self._rebalancing = rebalancing
        self._relay = relay
        self._before, self._after = before, after
        # the store of each, before the moves
        self.stores: dict[str, str] = {}
        self._found: dict[bool, list[str]] = {True: [], False: []}
        self.moving = self._names(moves=True)
        self.staying = self._names(moves=False)

    def _names(self, *, moves: bool) -> Iterator[str]:
        while True:
            if not self._found[moves]:
                self._more()
            yield self._found[moves].pop()

    def _more(self) -> None:
        made = [f"{new_name()}@{self._relay}" for _ in range(500)]
        here = self._rebalancing.places_of(made, self._before)
        there = self._rebalancing.places_of(made, self._after)
        for address, old, new in zip(made, here, there, strict=True):
            self.stores[address] = old
            self._found[old != new].append(address)


def _person(target: Target, relay: str, address: str) -> Person:
    person = Person(target=target, domain=relay, name=address.partition("@")[0])
    person.logs_in()
    return person


def _filled(rebalancing: Rebalancing, target: Target, relay: str, names: _Names) -> list[str]:
    """Make addresses with messages, as copies of one on each store."""
    chosen = [next(names.moving) for _ in range(MOVING)]
    chosen += [next(names.staying) for _ in range(STAYING)]
    for store in {names.stores[one] for one in chosen}:
        model = _person(
            target, relay, next(one for one in names.staying if names.stores[one] == store)
        )
        for number in range(MESSAGES):
            model.sends(model, text=f"old {number}")
        for _ in range(MESSAGES):
            model.receives()
        model.leaves()
        own = [one for one in chosen if names.stores[one] == store]
        rebalancing.copy(rebalancing.store_named(store), model.address, own)
    return chosen


def _often(people: Sequence[Person], times: int) -> list[str]:
    return [person.address for person in people for _ in range(max(1, times // len(people)))]


@contextlib.contextmanager
def _running(
    stop: threading.Event, runs: Sequence[Callable[[threading.Event], None]]
) -> Iterator[None]:
    """Run clients in threads; what they raise fails the test."""
    with ThreadPoolExecutor(len(runs)) as pool:
        futures: list[Future[None]] = [pool.submit(run, stop) for run in runs]
        try:
            yield
        finally:
            stop.set()
        for future in futures:
            future.result()


def _has(rebalancing: Rebalancing, store: RemoteMachine, number: int) -> bool:
    return rebalancing.number_at(store) >= number


def _is_empty(rebalancing: Rebalancing) -> bool:
    return "is empty" in rebalancing.cluster.run("postqueue", "-p")
