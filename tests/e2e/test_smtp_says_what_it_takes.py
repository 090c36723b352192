"""The extensions and limits that a relay announces, and keeps."""

from __future__ import annotations

import smtplib

import pytest
from support import smtp
from support.person import Person
from support.target import Target, new_name

MAX_MESSAGE_BYTES = 31457280


def test_announced(alice: Person) -> None:
    """SIZE (RFC 1870), 8BITMIME (RFC 6152), PIPELINING (RFC 2920)."""
    alice.smtp.ehlo()

    features = alice.smtp.esmtp_features

    assert str(MAX_MESSAGE_BYTES) == features["size"]
    assert {"8bitmime", "pipelining"} <= features.keys()


def test_too_large(alice: Person) -> None:
    """A message above the limit is refused before it is sent."""
    code, _ = alice.smtp.docmd("MAIL", f"FROM:<{alice.address}> SIZE={MAX_MESSAGE_BYTES + 1}")

    assert code == 552


def test_too_large_without_a_word(alice: Person, bob: Person) -> None:
    """Nor is one taken that does not tell its size."""
    message = alice.writes(bob, text="x" * (MAX_MESSAGE_BYTES * 3 // 4))
    assert len(message) > MAX_MESSAGE_BYTES

    reply = alice.submits(message, bob)

    assert (reply.code, reply.text.split()[0]) == (552, "5.3.4")


@pytest.mark.parametrize("port", [25, 587])
def test_vrfy_leaks_nothing(port: int, target: Target, alice: Person) -> None:
    """Whether an address exists is not told to those who ask (RFC 5321 section 7.3)."""
    session = smtplib.SMTP(target.host(alice.domain), port, smtp.HELLO, timeout=smtp.TIMEOUT_S)
    with smtp.closing(session):
        session.starttls(context=target.tls())
        session.ehlo()
        asked = [alice.address, f"{new_name()}@{alice.domain}", alice.name, new_name()]
        replies = {session.docmd("VRFY", who)[0] for who in asked}
        expansions = {session.docmd("EXPN", who)[0] for who in asked}

    assert len(replies) == 1
    assert 250 not in replies | expansions
