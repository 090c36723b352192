"""Delivery over HTTPS (POST to `/mxdeliv`) follows the rules of port 25."""

from __future__ import annotations

import pytest
from chatmail_testkit.mail import messages
from chatmail_testkit.peers.peer import Peer
from chatmail_testkit.people.names import new_name
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Target
from chatmail_testkit.web.client import Answer, request

PATH = "/mxdeliv"


def _posts(
    peer: Peer, message: bytes, domain: str, *recipients: str, mail_from: str | None
) -> Answer:
    headers = [("X-MAIL-TO", recipient) for recipient in recipients]
    if mail_from is not None:
        headers.append(("X-MAIL-FROM", mail_from))
    return request(peer.target, "POST", domain, PATH, headers=headers, body=message)


def test_a_signed_encrypted_message_arrives(peer: Peer, alice: Person, carol: Person) -> None:
    """The answer is 200."""
    message = peer.signs(alice.writes(carol, text="over https"))

    answer = _posts(peer, message, carol.domain, carol.address, mail_from=alice.address)

    assert (answer.status, answer.body[:3]) == (200, b"250")
    assert carol.receives().text == "over https"


def test_a_large_message_arrives(peer: Peer, alice: Person, carol: Person) -> None:
    """The message size limit is the only limit."""
    text = "x" * 8_000_000
    message = peer.signs(alice.writes(carol, text=text))

    answer = _posts(peer, message, carol.domain, carol.address, mail_from=alice.address)

    assert answer.status == 200, answer.body
    assert carol.receives().text == text


@pytest.mark.parametrize(
    ("what", "code"), [("unsigned", b"554"), ("plain", b"523"), ("nobody", b"550")]
)
def test_refusals_return_the_smtp_reply(
    what: str, code: bytes, peer: Peer, alice: Person, carol: Person
) -> None:
    """The answer is 400 with the SMTP reply."""
    encrypted = alice.writes(carol)
    to = f"{new_name()}@{carol.domain}" if what == "nobody" else carol.address
    message = {
        "unsigned": encrypted,
        "plain": peer.signs(messages.plain(alice.address, [carol.address])),
        "nobody": peer.signs(encrypted),
    }[what]

    answer = _posts(peer, message, carol.domain, to, mail_from=alice.address)

    assert (400, code) == (answer.status, answer.body[:3])


def test_foreign_recipients_are_refused(peer: Peer, alice: Person, carol: Person) -> None:
    """The relay forwards nothing."""
    message = peer.signs(alice.writes(carol))

    answer = _posts(peer, message, carol.domain, "x@example.org", mail_from=alice.address)

    assert (answer.status, answer.body[:1]) == (400, b"5")


def test_a_missing_recipient_is_an_error(peer: Peer, alice: Person, carol: Person) -> None:
    """A request without recipients is malformed."""
    message = peer.signs(alice.writes(carol))

    assert _posts(peer, message, carol.domain, mail_from=alice.address).status == 400


def test_a_missing_sender_is_the_null_sender(peer: Peer, alice: Person, carol: Person) -> None:
    """No X-MAIL-FROM means the null sender."""
    message = peer.signs(alice.writes(carol, text="from nobody"))

    assert _posts(peer, message, carol.domain, carol.address, mail_from=None).status == 200
    assert carol.receives().headers["Return-Path"] == "<>"


def test_other_methods_are_refused(target: Target, other_relay: str) -> None:
    """Only POST delivers."""
    assert request(target, "GET", other_relay, PATH).status == 405
