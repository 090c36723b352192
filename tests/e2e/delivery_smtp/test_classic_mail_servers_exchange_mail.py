"""A classic mail server (Postfix, OpenDKIM) and a relay exchange mail."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from chatmail_testkit.mail import messages
from chatmail_testkit.people.names import new_name
from chatmail_testkit.people.person import Letter, Person
from chatmail_testkit.relays.classic import Classic
from chatmail_testkit.relays.target import Machine, Target

pytestmark = pytest.mark.disturbs

MARKER = "/var/lib/chatmail/mail/{address}/enforceE2EEincoming"


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """Dora has her mailbox at the classic server.

    Its forwarders: `office` to Paula at our relay, `left` to an unknown address.
    """

    dora: Person
    paula: Person
    office: str
    left: str


@pytest.fixture(scope="module")
def neighbours(classic: Classic, target: Target, relay: str) -> Iterator[Neighbours]:
    """Users and forwarders that all scenarios here share."""
    with contextlib.ExitStack() as stack:
        paula = Person(target=target, domain=relay)
        dora = classic.mailbox()
        for person in (paula, dora):
            stack.callback(person.leaves)
        paula.imap.noop()
        office = classic.forwarder(paula.address)
        left = classic.forwarder(f"{new_name()}@{relay}")
        yield Neighbours(dora=dora, paula=paula, office=office, left=left)


@pytest.fixture
def dora(neighbours: Neighbours) -> Person:
    """A user of the classic server."""
    return neighbours.dora


def _is_bounce(letter: Letter) -> bool:
    return letter.headers.get_content_type() == "multipart/report"


def test_its_encrypted_mail_arrives(dora: Person, alice: Person) -> None:
    """Signed by its OpenDKIM; the trace headers of its Postfix are removed."""
    dora.sends(alice, text="from a classic server")

    letter = alice.receives()

    assert letter.text == "from a classic server"
    assert letter.headers["Return-Path"] == f"<{dora.address}>"
    assert letter.headers["Received"] is None
    assert letter.headers["DKIM-Signature"] is None


def test_its_plain_mail_bounces(dora: Person, alice: Person) -> None:
    """An enforcing address refuses it; the sender gets the reason."""
    assert dora.submits(messages.plain(dora.address, [alice.address]), alice).code == 250

    bounce = dora.receives()

    assert _is_bounce(bounce)
    assert b"523 Encryption Needed: Invalid Unencrypted Mail" in b" ".join(bounce.raw.split())
    assert alice.inbox() == []


def test_its_plain_mail_arrives_where_the_operator_allows_it(
    dora: Person, alice: Person, machine: Machine
) -> None:
    """The operator removed the marker of the recipient."""
    machine.run("rm", MARKER.format(address=alice.address))

    dora.submits(messages.plain(dora.address, [alice.address], "plain words"), alice)

    assert b"plain words" in alice.receives().raw


def test_it_receives_encrypted_mail(alice: Person, dora: Person) -> None:
    """Its OpenDKIM accepts our signature."""
    alice.sends(dora, text="to a classic server")

    letter = dora.receives()

    assert letter.text == "to a classic server"
    assert "dkim=pass" in letter.headers["Authentication-Results"]


def test_mail_to_its_unknown_addresses_bounces(alice: Person, classic: Classic) -> None:
    """Our relay creates the bounce."""
    nobody = f"{new_name()}@{classic.domain}"
    alice.sends(nobody)

    bounce = alice.receives()

    assert _is_bounce(bounce)
    assert nobody.encode() in bounce.raw


def test_its_forwarder_keeps_the_signature(neighbours: Neighbours, carol: Person) -> None:
    """From another relay through the classic server to ours."""
    message = carol.writes(neighbours.paula, text="by a forwarder")
    assert carol.submits(message, neighbours.office).code == 250

    letter = neighbours.paula.receives()

    assert letter.text == "by a forwarder"
    assert carol.address in letter.headers["From"]


def test_its_bounces_arrive(neighbours: Neighbours, carol: Person) -> None:
    """Plain and signed, about an unknown address behind its forwarder."""
    carol.sends(neighbours.left)

    bounce = carol.receives()

    assert _is_bounce(bounce)
    assert f"MAILER-DAEMON@{neighbours.dora.domain}" in bounce.headers["From"]
    assert b"550 5.1.1" in bounce.raw


def test_a_rewritten_sender_becomes_null(
    classic: Classic, neighbours: Neighbours, carol: Person
) -> None:
    """Lists and SRS rewrite it; bounces must not go to third parties."""
    dora, paula = neighbours.dora, neighbours.paula
    message = carol.writes(dora, paula, text="sent on")
    assert carol.submits(message, dora).code == 250
    received = dora.receives().raw

    classic.sends_on(received, f"list-bounces@{classic.domain}", paula.address)

    letter = paula.receives()
    assert letter.text == "sent on"
    assert letter.headers["Return-Path"] == "<>"
