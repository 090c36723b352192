"""Envelope sender and From must be the address that logged in."""

from __future__ import annotations

import pytest
from chatmail_testkit.people.names import new_name
from chatmail_testkit.people.person import Person


def test_another_envelope_sender_is_refused(alice: Person, bob: Person) -> None:
    """MAIL FROM of another address: 553."""
    reply = alice.submits(alice.writes(bob), bob, mail_from=bob.address)

    assert reply.code == 553


def test_an_unknown_envelope_sender_is_refused(alice: Person, bob: Person) -> None:
    """MAIL FROM of an unknown address: 553."""
    nobody = f"{new_name()}@{alice.domain}"

    assert alice.submits(alice.writes(bob), bob, mail_from=nobody).code == 553


def test_the_null_sender_is_refused(alice: Person, bob: Person) -> None:
    """Clients do not send bounces."""
    reply = alice.submits(alice.writes(bob), bob, mail_from="")

    assert reply.code in {500, 553}


@pytest.mark.parametrize(
    "forged",
    [
        "<{bob}>",
        '"{alice}" <{bob}>',
        "<{bob}>, <{alice}>",
        "<{alice}.example.org>",
        "nobody",
        "",
    ],
)
def test_another_from_header_is_refused(forged: str, alice: Person, bob: Person) -> None:
    """A From header whose first address is not the sender's: 500."""
    value = forged.format(alice=alice.address, bob=bob.address)
    message = alice.writes(bob, headers={"From": value})

    assert alice.submits(message, bob).code == 500


def test_two_from_headers_are_refused(alice: Person, bob: Person) -> None:
    """Clients differ in which one they show; RFC 5322 section 3.6 allows one."""
    message = f"From: <{bob.address}>\r\n".encode() + alice.writes(bob)

    assert alice.submits(message, bob).code == 500


def test_from_is_case_insensitive(alice: Person, bob: Person) -> None:
    """Case does not matter."""
    message = alice.writes(bob, headers={"From": f"Alice <{alice.address.upper()}>"})

    assert alice.submits(message, bob).code == 250
