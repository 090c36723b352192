"""The first IMAP login of an unknown address creates it."""

from __future__ import annotations

from conftest import PersonFactory


def test_imap_login_creates_it(new_person: PersonFactory, relay: str) -> None:
    """The address receives mail after the login."""
    alice = new_person(relay)
    alice.logs_in()

    alice.sends(alice, text="note to self")

    assert alice.receives().text == "note to self"
