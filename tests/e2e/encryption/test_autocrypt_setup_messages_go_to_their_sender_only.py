"""An Autocrypt Setup Message is the only plain message allowed, and only to its own sender."""

from __future__ import annotations

import pytest
from chatmail_testkit.mail import messages
from chatmail_testkit.people.person import Person

SUBJECT = "Autocrypt Setup Message"
PARTS = [
    ("text/plain", "This holds your key.\r\n.\r\nThe line above is a lone dot."),
    ("application/autocrypt-setup", "<html></html>"),
]


def test_it_reaches_its_sender(alice: Person) -> None:
    """It arrives unchanged, with its single dot."""
    message = messages.multipart(
        alice.address, [alice.address], "mixed", PARTS, {"Subject": SUBJECT}
    )

    reply = alice.submits(message, alice)

    assert reply.code == 250, reply.text
    assert b"your key.\r\n.\r\nThe line" in alice.receives().raw


@pytest.mark.parametrize(
    ("what", "subtype", "subject"),
    [
        ("another subject", "mixed", f"Re: {SUBJECT}"),
        ("another type", "alternative", SUBJECT),
    ],
)
def test_other_forms_are_refused(what: str, subtype: str, subject: str, alice: Person) -> None:
    """Only the exact form passes."""
    headers = {"Subject": subject}
    message = messages.multipart(alice.address, [alice.address], subtype, PARTS, headers)

    assert alice.submits(message, alice).code == 523, what


def test_other_recipients_are_refused(alice: Person, bob: Person) -> None:
    """Neither alone nor beside the sender."""
    message = messages.multipart(alice.address, [bob.address], "mixed", PARTS, {"Subject": SUBJECT})

    assert alice.submits(message, bob).code == 523
    assert alice.submits(message, alice, bob).code == 523
