"""Addresses that mean the same person reach them; malformed ones are refused."""

from __future__ import annotations

import pytest
from chatmail_testkit.mail import sessions
from chatmail_testkit.peers.peer import Peer
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Target

SAME = [
    "{name}+tag@{domain}",
    "{upper}@{domain}",
    "{name}@{upper_domain}",
    '"{name}"@{domain}',
]
WRONG = [
    "{name}@",
    "@{domain}",
    "{name}@{domain}@{domain}",
    "{name}é@{domain}",
    "{name}/../{name}@{domain}",
    '"{name} "@{domain}',
    "{name}@{domain}/x",
]


def _written(form: str, person: Person) -> str:
    name, domain = person.name, person.domain
    return form.format(name=name, domain=domain, upper=name.upper(), upper_domain=domain.upper())


@pytest.mark.parametrize("form", SAME)
def test_from_elsewhere(form: str, peer: Peer, alice: Person, carol: Person) -> None:
    """Other servers may write an address in every valid form."""
    message = peer.signs(alice.writes(carol, text=form))

    reply = peer.delivers(message, _written(form, carol), mail_from=alice.address)

    assert reply.code == 250, reply.text
    assert form == carol.receives().text


@pytest.mark.parametrize("form", SAME)
def test_at_submission(form: str, alice: Person, bob: Person) -> None:
    """So may the relay's own people."""
    reply = alice.submits(alice.writes(bob, text=form), _written(form, bob))

    assert reply.code == 250, reply.text
    assert form == bob.receives().text


@pytest.mark.parametrize("form", WRONG)
def test_malformed(form: str, target: Target, alice: Person, carol: Person) -> None:
    """Refused for good, before any data."""
    with sessions.port_25(target, carol.domain) as session:
        session.command(f"MAIL FROM:<{alice.address}>")

        reply = session.command(f"RCPT TO:<{_written(form, carol)}>")

    assert 500 <= reply.code < 600
