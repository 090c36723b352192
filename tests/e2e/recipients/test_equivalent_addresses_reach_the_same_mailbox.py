"""Equivalent spellings of an address reach the same mailbox; malformed ones are refused."""

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
def test_port_25_accepts_all_valid_forms(
    form: str, peer: Peer, alice: Person, carol: Person
) -> None:
    """Other servers may use every valid form."""
    message = peer.signs(alice.writes(carol, text=form))

    reply = peer.delivers(message, _written(form, carol), mail_from=alice.address)

    assert reply.code == 250, reply.text
    assert form == carol.receives().text


@pytest.mark.parametrize("form", SAME)
def test_submission_accepts_all_valid_forms(form: str, alice: Person, bob: Person) -> None:
    """Clients of the relay may, too."""
    reply = alice.submits(alice.writes(bob, text=form), _written(form, bob))

    assert reply.code == 250, reply.text
    assert form == bob.receives().text


@pytest.mark.parametrize("form", WRONG)
def test_malformed_addresses_are_refused(
    form: str, target: Target, alice: Person, carol: Person
) -> None:
    """With 5xx before DATA."""
    with sessions.port_25(target, carol.domain) as session:
        session.command(f"MAIL FROM:<{alice.address}>")

        reply = session.command(f"RCPT TO:<{_written(form, carol)}>")

    assert 500 <= reply.code < 600
