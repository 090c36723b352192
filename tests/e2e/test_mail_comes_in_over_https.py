"""Relays deliver to each other by HTTP POST; the rules are those of port 25."""

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


def test_signed_and_encrypted(peer: Peer, alice: Person, carol: Person) -> None:
    """It arrives."""
    message = peer.signs(alice.writes(carol, text="over https"))

    answer = _posts(peer, message, carol.domain, carol.address, mail_from=alice.address)

    assert (answer.status, answer.body[:3]) == (200, b"250")
    assert carol.receives().text == "over https"


def test_above_a_megabyte(peer: Peer, alice: Person, carol: Person) -> None:
    """The message limit is the only limit."""
    text = "x" * 8_000_000
    message = peer.signs(alice.writes(carol, text=text))

    answer = _posts(peer, message, carol.domain, carol.address, mail_from=alice.address)

    assert answer.status == 200, answer.body
    assert carol.receives(within_s=30).text == text


@pytest.mark.parametrize(
    ("what", "code"), [("unsigned", b"554"), ("plain", b"523"), ("nobody", b"550")]
)
def test_refused(what: str, code: bytes, peer: Peer, alice: Person, carol: Person) -> None:
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


def test_foreign_recipient(peer: Peer, alice: Person, carol: Person) -> None:
    """The relay passes nothing on."""
    message = peer.signs(alice.writes(carol))

    answer = _posts(peer, message, carol.domain, "x@example.org", mail_from=alice.address)

    assert (answer.status, answer.body[:1]) == (400, b"5")


def test_no_recipient(peer: Peer, alice: Person, carol: Person) -> None:
    """A request without recipients is malformed."""
    message = peer.signs(alice.writes(carol))

    assert _posts(peer, message, carol.domain, mail_from=alice.address).status == 400


def test_null_sender(peer: Peer, alice: Person, carol: Person) -> None:
    """No X-MAIL-FROM means the null sender."""
    message = peer.signs(alice.writes(carol, text="from nobody"))

    assert _posts(peer, message, carol.domain, carol.address, mail_from=None).status == 200
    assert carol.receives().headers["Return-Path"] == "<>"


def test_other_methods(target: Target, other_relay: str) -> None:
    """Only POST delivers."""
    assert request(target, "GET", other_relay, PATH).status == 405
