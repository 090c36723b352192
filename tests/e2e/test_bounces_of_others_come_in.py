"""Delivery reports of other servers are plain by nature: they pass when they prove their origin."""

from __future__ import annotations

import pytest
from support import messages
from support.peer import Peer
from support.person import Person

PARTS = [
    ("text/plain", "I could not deliver your message."),
    ("message/delivery-status", "Final-Recipient: rfc822; x@example.org\r\nStatus: 5.1.1"),
]


def _report(
    peer: Peer, carol: Person, *, subtype: str = "report", headers: dict[str, str] | None = None
) -> bytes:
    own = {"Auto-Submitted": "auto-replied", "Subject": "Undelivered"} | (headers or {})
    daemon = f"MAILER-DAEMON@{peer.domain}"
    return messages.multipart(daemon, [carol.address], subtype, PARTS, own)


def test_signed_report(peer: Peer, carol: Person) -> None:
    """It arrives in clear text."""
    reply = peer.delivers(peer.signs(_report(peer, carol)), carol, mail_from="")

    assert reply.code == 250, reply.text
    assert carol.receives().headers.get_content_type() == "multipart/report"


def test_unsigned_report(peer: Peer, carol: Person) -> None:
    """Anybody could have written it."""
    assert peer.delivers(_report(peer, carol), carol, mail_from="").code == 554


@pytest.mark.parametrize(
    ("subtype", "headers"),
    [
        ("mixed", {}),
        ("report", {"Auto-Submitted": ""}),
        ("report", {"From": "<postmaster@{domain}>"}),
    ],
)
def test_anything_else_is_plain_mail(
    subtype: str, headers: dict[str, str], peer: Peer, carol: Person
) -> None:
    """A report is told by all three: its type, its sender and Auto-Submitted."""
    filled = {name: value.format(domain=peer.domain) for name, value in headers.items()}
    message = peer.signs(_report(peer, carol, subtype=subtype, headers=filled))

    assert peer.delivers(message, carol, mail_from="").code == 523
