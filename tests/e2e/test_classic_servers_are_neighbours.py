"""A plain mail server, as thousands run it: what its people and ours can send each other."""

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

pytestmark = [pytest.mark.disturbs, pytest.mark.timeout(120)]

MARKER = "/var/lib/chatmail/mail/{address}/enforceE2EEincoming"
WITHIN_S = 30  # opportunistic TLS, a look-up of the key, a bounce on its way back


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """Dora has her mailbox at the classic server.

    `office` is its forwarder to Paula at our relay, `left` one to an address that is gone.
    """

    dora: Person
    paula: Person
    office: str
    left: str


@pytest.fixture(scope="module")
def neighbours(classic: Classic, target: Target, relay: str) -> Iterator[Neighbours]:
    """People and forwarders that all of these scenarios share."""
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
    """Somebody at the classic server."""
    return neighbours.dora


def _is_bounce(letter: Letter) -> bool:
    return letter.headers.get_content_type() == "multipart/report"


def test_it_writes_encrypted_mail(dora: Person, alice: Person) -> None:
    """Signed by its own OpenDKIM, with the trace headers of its Postfix gone at the end."""
    dora.sends(alice, text="from a classic server")

    letter = alice.receives(within_s=WITHIN_S)

    assert letter.text == "from a classic server"
    assert letter.headers["Return-Path"] == f"<{dora.address}>"
    assert letter.headers["Received"] is None
    assert letter.headers["DKIM-Signature"] is None


def test_its_plain_mail_comes_back(dora: Person, alice: Person) -> None:
    """An enforcing address refuses, and the sender reads why."""
    assert dora.submits(messages.plain(dora.address, [alice.address]), alice).code == 250

    bounce = dora.receives(within_s=WITHIN_S)

    assert _is_bounce(bounce)
    assert b"523 Encryption Needed: Invalid Unencrypted Mail" in b" ".join(bounce.raw.split())
    assert alice.inbox() == []


def test_its_plain_mail_arrives_where_the_operator_allows_it(
    dora: Person, alice: Person, machine: Machine
) -> None:
    """Without the marker."""
    machine.run("rm", MARKER.format(address=alice.address))

    dora.submits(messages.plain(dora.address, [alice.address], "plain words"), alice)

    assert b"plain words" in alice.receives(within_s=WITHIN_S).raw


def test_it_receives_encrypted_mail(alice: Person, dora: Person) -> None:
    """With a signature of ours that its OpenDKIM finds valid."""
    alice.sends(dora, text="to a classic server")

    letter = dora.receives(within_s=WITHIN_S)

    assert letter.text == "to a classic server"
    assert "dkim=pass" in letter.headers["Authentication-Results"]


def test_an_address_that_it_does_not_have_comes_back(alice: Person, classic: Classic) -> None:
    """By a bounce of our own."""
    nobody = f"{new_name()}@{classic.domain}"
    alice.sends(nobody)

    bounce = alice.receives(within_s=WITHIN_S)

    assert _is_bounce(bounce)
    assert nobody.encode() in bounce.raw


def test_its_forwarder_works(neighbours: Neighbours, carol: Person) -> None:
    """From another relay by the classic server to ours, its signature still valid."""
    message = carol.writes(neighbours.paula, text="by a forwarder")
    assert carol.submits(message, neighbours.office).code == 250

    letter = neighbours.paula.receives(within_s=WITHIN_S)

    assert letter.text == "by a forwarder"
    assert carol.address in letter.headers["From"]


def test_its_bounces_come_in(neighbours: Neighbours, carol: Person) -> None:
    """Those of its own making: plain, signed, about an address that its forwarder does not find."""
    carol.sends(neighbours.left)

    bounce = carol.receives(within_s=WITHIN_S)

    assert _is_bounce(bounce)
    assert f"MAILER-DAEMON@{neighbours.dora.domain}" in bounce.headers["From"]
    assert b"550 5.1.1" in bounce.raw


def test_a_forwarder_that_rewrites_the_sender(
    classic: Classic, neighbours: Neighbours, carol: Person
) -> None:
    """As lists and SRS do: the envelope sender becomes null, so that bounces reach no stranger."""
    dora, paula = neighbours.dora, neighbours.paula
    message = carol.writes(dora, paula, text="sent on")
    assert carol.submits(message, dora).code == 250
    received = dora.receives(within_s=WITHIN_S).raw

    classic.sends_on(received, f"list-bounces@{classic.domain}", paula.address)

    letter = paula.receives(within_s=WITHIN_S)
    assert letter.text == "sent on"
    assert letter.headers["Return-Path"] == "<>"
