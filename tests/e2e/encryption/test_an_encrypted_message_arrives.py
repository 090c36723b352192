"""Encrypted mail reaches recipients on the same and on other relays unchanged."""

from __future__ import annotations

import email
from email.message import Message

from chatmail_testkit.people.person import Person


def test_at_the_same_relay(alice: Person, bob: Person) -> None:
    """Bob reads what Alice wrote."""
    alice.sends(bob, text="hi Bob")

    assert bob.receives().text == "hi Bob"


def test_at_another_relay(alice: Person, carol: Person) -> None:
    """Carol reads what Alice wrote, and answers."""
    alice.sends(carol, text="hi Carol")
    assert carol.receives().text == "hi Carol"

    carol.sends(alice, text="hi Alice")

    assert alice.receives().text == "hi Alice"


def test_at_both_relays(alice: Person, bob: Person, carol: Person) -> None:
    """A group message has several recipients."""
    alice.sends(bob, carol, alice, text="hi all")

    assert [person.receives().text for person in (alice, bob, carol)] == ["hi all"] * 3


def test_the_body_is_unchanged(alice: Person, carol: Person) -> None:
    """The filter changes headers only; the body stays byte by byte."""
    sent = alice.sends(carol, text="x" * 50_000)

    received = carol.receives().raw

    assert _body(sent) == _body(received)


def test_headers_that_clients_need_arrive(alice: Person, carol: Person) -> None:
    """Clients use them for threads, duplicates and verification."""
    headers = {
        "In-Reply-To": "<first@localhost>",
        "References": "<first@localhost>",
        "Autocrypt": f"addr={alice.address}; keydata=AAAA",
        "Chat-Is-Post-Message": "1",
    }
    sent = email.message_from_bytes(alice.sends(carol, headers=headers))

    received = carol.receives().headers

    names = ["From", "To", "Date", "Message-ID", "Chat-Version", "Content-Type", *headers]
    assert _values(sent, names) == _values(received, names)


def _body(message: bytes) -> bytes:
    return message.split(b"\r\n\r\n", 1)[1]


def _values(message: Message, names: list[str]) -> list[list[str]]:
    return [[" ".join(value.split()) for value in message.get_all(name, [])] for name in names]
