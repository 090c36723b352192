"""Unusual lines and characters arrive byte by byte, over SMTP and HTTPS."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from chatmail_testkit.mail import messages, sessions
from chatmail_testkit.peers.peer import Peer
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.web.client import request

MARKER = "/var/lib/chatmail/mail/{address}/enforceE2EEincoming"
# single dots, dots at the start of a line, blanks at the end, no MIME encoding, a line near the
# limit of RFC 5321 section 4.5.3.1.6
LINES = ("one dot:", ".", "two:", "..", ".begins so", " .", "ends in blanks  ", "Grüße, 你好 👋")
BODY = "\r\n".join((*LINES, "x" * 990, "", "", "."))
Way = Callable[[Peer, bytes, Person, str], int]


def _over_smtp(peer: Peer, message: bytes, recipient: Person, sender: str) -> int:
    return peer.delivers(message, recipient, mail_from=sender).code


def _over_https(peer: Peer, message: bytes, recipient: Person, sender: str) -> int:
    headers = [("X-MAIL-FROM", sender), ("X-MAIL-TO", recipient.address)]
    answer = request(
        peer.target, "POST", recipient.domain, "/mxdeliv", headers=headers, body=message
    )
    return int(answer.body[:3])


@pytest.mark.parametrize("way", [_over_smtp, _over_https])
def test_plain_text_arrives_unchanged(
    way: Way, peer: Peer, alice: Person, carol: Person, other_machine: Machine
) -> None:
    """Where plain mail is allowed, with 8-bit characters (RFC 6152)."""
    other_machine.run("rm", MARKER.format(address=carol.address))
    headers = {"Content-Transfer-Encoding": "8bit"}
    message = messages.plain(alice.address, [carol.address], BODY, headers)

    assert way(peer, peer.signs(message), carol, alice.address) == 250

    received = carol.receives().raw
    assert received.partition(b"\r\n\r\n")[2] == f"{BODY}\r\n".encode()


def test_utf8_in_addresses_and_headers_arrives(peer: Peer, alice: Person, carol: Person) -> None:
    """RFC 6531, RFC 6532."""
    author = f"dörte@{alice.domain}"
    message = alice.writes(carol, text="from Dörte", headers={"From": f"Dörte <{author}>"})
    signed = peer.signs(message)

    with sessions.port_25(peer.target, carol.domain) as session:
        session.command(f"MAIL FROM:<{author}> SMTPUTF8 BODY=8BITMIME")
        session.command(f"RCPT TO:<{carol.address}>")
        code, text = session.data(signed)

    assert code == 250, text
    letter = carol.receives()
    assert letter.text == "from Dörte"
    assert f"Return-Path: <{author}>".encode() in letter.raw
