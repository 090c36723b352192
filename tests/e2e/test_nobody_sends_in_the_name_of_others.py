"""Envelope and From header carry the address that logged in."""

from __future__ import annotations

import pytest
from chatmail_testkit.people.names import new_name
from chatmail_testkit.people.person import Person


def test_envelope_sender_of_someone_else(alice: Person, bob: Person) -> None:
    """MAIL FROM of another address: 553."""
    reply = alice.submits(alice.writes(bob), bob, mail_from=bob.address)

    assert reply.code == 553


def test_envelope_sender_that_does_not_exist(alice: Person, bob: Person) -> None:
    """MAIL FROM of nobody: 553."""
    nobody = f"{new_name()}@{alice.domain}"

    assert alice.submits(alice.writes(bob), bob, mail_from=nobody).code == 553


def test_null_envelope_sender(alice: Person, bob: Person) -> None:
    """The sender of bounces is no sender of people."""
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
def test_from_header(forged: str, alice: Person, bob: Person) -> None:
    """A From header whose first address is not the sender's: 500."""
    value = forged.format(alice=alice.address, bob=bob.address)
    message = alice.writes(bob, headers={"From": value})

    assert alice.submits(message, bob).code == 500


def test_two_from_headers(alice: Person, bob: Person) -> None:
    """Readers disagree which of two counts, so there must be one (RFC 5322 section 3.6)."""
    message = f"From: <{bob.address}>\r\n".encode() + alice.writes(bob)

    assert alice.submits(message, bob).code == 500


def test_from_header_in_upper_case(alice: Person, bob: Person) -> None:
    """Case does not matter."""
    message = alice.writes(bob, headers={"From": f"Alice <{alice.address.upper()}>"})

    assert alice.submits(message, bob).code == 250
