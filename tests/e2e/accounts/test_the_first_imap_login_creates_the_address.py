"""Nobody registers: an unknown address with a good password exists from its first IMAP login."""

from __future__ import annotations

from conftest import PersonFactory


def test_imap_login(new_person: PersonFactory, relay: str) -> None:
    """The address can receive mail as soon as it has logged in."""
    alice = new_person(relay)
    alice.logs_in()

    alice.sends(alice, text="note to self")

    assert alice.receives().text == "note to self"
