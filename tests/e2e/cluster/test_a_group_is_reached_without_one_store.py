"""A message to people of several stores, one of which is silent, reaches the others at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import pytest
from chatmail_testkit.mail import messages
from chatmail_testkit.peers.peer import peer_with_key_of
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.firewall import closed
from chatmail_testkit.relays.target import Machine, Target
from chatmail_testkit.waiting import wait_for
from chatmail_testkit.web.client import request
from conftest import PersonFactory
from imapclient.exceptions import IMAPClientError

pytestmark = pytest.mark.disturbs

FEWEST_STORES = 2
# a lot places each person
MOST_PEOPLE = 60
# at which a store serves fronts: LMTP, IMAP, chatmail-accounts
PORTS = (24, 143, 8702)


def test_submission_and_https(
    new_person: PersonFactory,
    carol: Person,
    target: Target,
    relay: str,
    machine: Machine,
    other_machine: Machine,
) -> None:
    """Its people get the messages, each once, when it is back; clear text is refused as always."""
    silent, others = _neighbours(new_person, relay, machine)
    group, sender = [*silent, *others], others[0]
    for person in (sender, carol):
        person.smtp.noop()
    with closed(machine.store_of(silent[0].address), *PORTS):
        for person in (sender, carol):
            person.sends(*group, text=person.domain)
        received = [{person.receives().text, person.receives().text} for person in others]
        plain = messages.plain(sender.address, [person.address for person in group])
        refused = sender.submits(plain, *group)
        plain = messages.plain(carol.address, [silent[0].address])
        plain = peer_with_key_of(target, carol.domain, other_machine).signs(plain)
        posted = _posts(target, plain, carol, silent[0])

    both = {sender.domain, carol.domain}
    assert received == [both] * len(others)
    assert refused.code == 523
    assert posted == (503, b"451 4.4.3")
    for person in silent:
        wait_for(lambda: len(_inbox(person, machine)) == len(both), "what waited")  # noqa: B023
        assert {letter.text for letter in person.inbox()} == both
    wait_for(lambda: silent[0].address not in machine.queue(), "an empty queue")


def _neighbours(
    new_person: PersonFactory, domain: str, machine: Machine
) -> tuple[list[Person], list[Person]]:
    """Make people: two on a store, and one on each of the others.

    Postfix' queue manager remembers its last failed look-up for 30 s, but not the last two.
    """
    if len(machine.stores) < FEWEST_STORES:
        pytest.skip("needs a relay of several machines: lab up a.test=2+3")
    found: dict[str, list[Person]] = defaultdict(list)
    for _ in range(MOST_PEOPLE):
        person = new_person(domain)
        person.logs_in()
        found[str(machine.store_of(person.address))].append(person)
        first, *others = sorted(found.values(), key=len, reverse=True)
        if len(first) > 1 and len(found) == len(machine.stores):
            return first[:2], [people[0] for people in others]
    pytest.fail(f"{MOST_PEOPLE} people, and none on one of the stores")


def _posts(target: Target, message: bytes, sender: Person, to: Person) -> tuple[int, bytes]:
    """Deliver a message over HTTPS; status and code of the answer."""
    headers = [("X-MAIL-TO", to.address), ("X-MAIL-FROM", sender.address)]
    answer = request(target, "POST", to.domain, "/mxdeliv", headers=headers, body=message)
    return answer.status, answer.body[: len("451 4.4.3")]


def _inbox(person: Person, machine: Machine) -> Sequence[object]:
    """Let Postfix try again what waits; what has arrived, nothing before the store is back."""
    for front in machine.fronts:
        front.run("postqueue", "-f")
    try:
        return person.inbox()
    except (IMAPClientError, OSError):
        person.leaves()
        return ()
