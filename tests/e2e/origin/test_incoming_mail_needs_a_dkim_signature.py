"""Incoming mail needs a valid DKIM signature of the domain in From, or is refused with 554."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from chatmail_testkit.mail import messages
from chatmail_testkit.peers.peer import Peer
from chatmail_testkit.people.person import Person

NOT_SIGNED = "5.7.1 No DKIM signature found"
NOT_VALID = "5.7.1 No valid DKIM signature found"

Change = Callable[[Peer, bytes], bytes]


def _resigned_by_subdomain(peer: Peer, message: bytes) -> bytes:
    return peer.signs(message, f"mail.{peer.domain}")


def _of_a_subdomain(peer: Peer, message: bytes) -> bytes:
    return peer.signs(
        message.replace(f"@{peer.domain}>".encode(), f"@x.{peer.domain}>".encode(), 1)
    )


def _with_another_body(peer: Peer, message: bytes) -> bytes:
    # a preamble, which incoming encrypted mail may have
    return peer.signs(message).replace(b"\r\n\r\n--", b"\r\n\r\nnote\r\n--", 1)


REFUSED: dict[str, tuple[Change, str]] = {
    "no signature": (lambda _, message: message, NOT_SIGNED),
    "changed body": (_with_another_body, NOT_VALID),
    "changed header": (
        lambda peer, message: peer.signs(message).replace(b"\r\nTo: <", b"\r\nTo: x <", 1),
        NOT_VALID,
    ),
    "signature of a subdomain": (_resigned_by_subdomain, NOT_VALID),
    "sender of a subdomain": (_of_a_subdomain, NOT_VALID),
    "key that is not published": (
        lambda peer, message: messages.signed(message, peer.domain, "nokey", peer.private_key),
        NOT_VALID,
    ),
    "signature without content": (
        lambda peer, message: f"DKIM-Signature: v=1; d={peer.domain}\r\n".encode() + message,
        NOT_VALID,
    ),
    "second From header above": (
        lambda peer, message: b"From: <ceo@example.org>\r\n" + peer.signs(message),
        "",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_invalid_signatures_are_refused(
    what: str, peer: Peer, alice: Person, carol: Person
) -> None:
    """Every case is refused."""
    change, text = REFUSED[what]
    message = change(peer, alice.writes(carol))

    reply = peer.delivers(message, carol, mail_from=alice.address)

    assert reply.code in ({554} if text else {500, 554})
    assert text in reply.text


def test_a_valid_signature_is_accepted(peer: Peer, alice: Person, carol: Person) -> None:
    """The same message arrives with a signature."""
    message = peer.signs(alice.writes(carol, text="signed"))

    reply = peer.delivers(message, carol, mail_from=alice.address)

    assert reply.code == 250, reply.text
    assert carol.receives().text == "signed"


def test_one_valid_signature_is_enough(peer: Peer, alice: Person, carol: Person) -> None:
    """A broken and a foreign one beside it are ignored, in any order."""
    message = peer.signs(alice.writes(carol, text="signed thrice"))
    message = messages.signed(message, "example.org", "x", peer.private_key)
    message = (
        b"DKIM-Signature: v=1; a=rsa-sha256; d=example.net; s=x; h=from; bh=; b=\r\n" + message
    )

    reply = peer.delivers(message, carol, mail_from=alice.address)

    assert reply.code == 250, reply.text
    assert carol.receives().text == "signed thrice"


def test_the_domain_is_case_insensitive(peer: Peer, alice: Person, carol: Person) -> None:
    """In the signature."""
    message = peer.signs(alice.writes(carol, text="loud"), peer.domain.upper())

    assert peer.delivers(message, carol, mail_from=alice.address).code == 250
    assert carol.receives().text == "loud"


def test_signed_plain_mail_is_refused(peer: Peer, alice: Person, carol: Person) -> None:
    """A signature does not replace encryption."""
    message = peer.signs(messages.plain(alice.address, [carol.address]))

    reply = peer.delivers(message, carol, mail_from=alice.address)

    assert (reply.code, "Invalid Unencrypted Mail" in reply.text) == (523, True)


def test_a_signed_secure_join_request_arrives(peer: Peer, alice: Person, carol: Person) -> None:
    """It may arrive in clear text."""
    request = messages.secure_join_request(alice.address, carol.address)

    assert peer.delivers(request, carol, mail_from=alice.address).code == 554
    assert peer.delivers(peer.signs(request), carol, mail_from=alice.address).code == 250
    assert carol.receives().headers["Secure-Join"] == "vc-request"
