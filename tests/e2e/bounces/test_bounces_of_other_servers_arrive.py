"""Delivery reports of other servers are plain text; they arrive with a valid signature."""

from __future__ import annotations

import pytest
from chatmail_testkit.mail import messages
from chatmail_testkit.peers.peer import Peer
from chatmail_testkit.people.person import Person

KIND = "report; report-type=delivery-status"
EXPLANATION = ("text/plain", "I could not deliver your message.")
STATUS = (
    "message/delivery-status",
    "Reporting-MTA: dns; mx.example.org\r\n\r\n"
    "Final-Recipient: rfc822; x@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n",
)
RETURNED = (
    "message/rfc822",
    "From: <x@example.org>\r\nMessage-ID: <1@example.org>\r\n\r\nwords in clear text\r\n",
)


def _report(
    peer: Peer,
    carol: Person,
    *parts: tuple[str, str],
    kind: str = KIND,
    daemon: str = "MAILER-DAEMON",
) -> bytes:
    headers = {"Subject": "Undelivered"}
    return messages.multipart(
        f"{daemon}@{peer.domain}", [carol.address], kind, parts or (EXPLANATION, STATUS), headers
    )


@pytest.mark.parametrize("daemon", ["MAILER-DAEMON", "postmaster"])
def test_a_signed_report_arrives(daemon: str, peer: Peer, carol: Person) -> None:
    """It arrives in clear text, without Auto-Submitted, from any author name."""
    reply = peer.delivers(peer.signs(_report(peer, carol, daemon=daemon)), carol, mail_from="")

    assert reply.code == 250, reply.text
    headers = carol.receives().headers
    assert headers.get_content_type() == "multipart/report"
    assert headers["Subject"] == "Undelivered"


def test_the_returned_message_loses_its_body(peer: Peer, carol: Person) -> None:
    """Its header arrives, its body does not, however long it is."""
    for more in ("", "words in clear text\r\n" * 10_000):
        returned = RETURNED[0], RETURNED[1] + more
        report = peer.signs(_report(peer, carol, EXPLANATION, STATUS, returned))

        reply = peer.delivers(report, carol, mail_from="")

        assert reply.code == 250, reply.text
        letter = carol.receives()
        assert b"words in clear text" not in letter.raw
        parts = letter.headers.get_payload()
        kinds = [part.get_content_type() for part in letter.headers.walk()]
        assert kinds[1:3] == ["text/plain", "message/delivery-status"]
        assert len(parts) == 3
        assert b"\nMessage-ID: <1@example.org>\r\n" in letter.raw


def test_an_unsigned_report_is_refused(peer: Peer, carol: Person) -> None:
    """Its origin is not proven."""
    assert peer.delivers(_report(peer, carol), carol, mail_from="").code == 554


def test_other_plain_mail_is_refused(peer: Peer, carol: Person) -> None:
    """A report needs its content type, a null sender and its own parts."""
    page = ("text/html", "<p>BUY NOW</p>")
    long = (EXPLANATION[0], "BUY NOW\r\n" * 10_000)
    for message, mail_from in (
        (_report(peer, carol), f"MAILER-DAEMON@{peer.domain}"),
        (_report(peer, carol, kind="report"), ""),
        (_report(peer, carol, kind="mixed"), ""),
        (_report(peer, carol, page), ""),
        (_report(peer, carol, EXPLANATION, page), ""),
        (_report(peer, carol, EXPLANATION, STATUS, page), ""),
        (_report(peer, carol, EXPLANATION, (STATUS[0], "BUY NOW")), ""),
        (_report(peer, carol, long, STATUS), ""),
    ):
        assert peer.delivers(peer.signs(message), carol, mail_from=mail_from).code == 523
