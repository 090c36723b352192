"""A secure join request from another server arrives in clear text without any other text."""

from __future__ import annotations

from chatmail_testkit.mail import messages
from chatmail_testkit.peers.peer import Peer
from chatmail_testkit.people.person import Person

TALKING = (
    b"Subject: BUY CHEAP PILLS\r\nX-Note: BUY CHEAP PILLS\r\nComments: BUY\r\n CHEAP PILLS\r\n"
)


def test_its_header_is_cleaned(peer: Peer, alice: Person, carol: Person) -> None:
    """Subject and unneeded fields are removed after the signature was verified."""
    request = messages.secure_join_request(alice.address, carol.address)
    signed = peer.signs(request.replace(b"Subject: [...]\r\n", TALKING, 1))

    reply = peer.delivers(signed, carol, mail_from=alice.address)

    assert reply.code == 250, reply.text
    received = carol.receives()
    assert b"PILLS" not in received.raw
    assert received.headers["Subject"] == "[...]"
    assert received.headers["Secure-Join"] == "vc-request"
    assert received.headers["Secure-Join-Invitenumber"] == "abcdefghijk"
    assert received.headers["From"] == f"<{alice.address}>"


def test_encrypted_mail_keeps_its_header(peer: Peer, alice: Person, carol: Person) -> None:
    """Header fields of encrypted mail stay."""
    message = alice.writes(carol, headers={"Subject": "from a classic client", "X-Note": "kept"})

    assert peer.delivers(peer.signs(message), carol, mail_from=alice.address).code == 250
    received = carol.receives().headers
    assert (received["Subject"], received["X-Note"]) == ("from a classic client", "kept")


def test_text_in_a_part_header_is_refused(peer: Peer, alice: Person, carol: Person) -> None:
    """Part headers are not cleaned, so the message is refused."""
    request = messages.secure_join_request(alice.address, carol.address)
    message = request.replace(b"\r\n\r\nSecure", b"\r\nX-Note: BUY CHEAP PILLS\r\n\r\nSecure", 1)

    assert message != request
    assert alice.submits(message, carol).code == 523
    assert peer.delivers(peer.signs(message), carol, mail_from=alice.address).code == 523
