"""People write what the others can read, before they have any session."""

from __future__ import annotations

import ssl

import pytest

from chatmail_testkit.people.person import Letter, Person, addresses
from chatmail_testkit.relays.network import NetworkTarget

TARGET = NetworkTarget(relays=["a.test"], inside=False)


def test_a_message_for_two() -> None:
    """Its sender reads it, too; a person without a key in it does not."""
    alice, bob, eve = (Person(target=TARGET, domain="a.test") for _ in range(3))

    raw = alice.writes(bob, "carol@b.test", text="psst")

    assert [Letter(raw=raw, key=who.key).text for who in (alice, bob)] == ["psst"] * 2
    with pytest.raises(ValueError, match="not encrypted"):
        _ = Letter(raw=raw, key=eve.key).text
    assert Letter(raw=raw, key=bob.key).headers["To"] == f"<{bob.address}>, <carol@b.test>"


def test_addresses() -> None:
    """Of people and of strings."""
    alice = Person(target=TARGET, domain="a.test", name="alice")

    assert addresses([alice, "bob@b.test"]) == ["alice@a.test", "bob@b.test"]
    assert TARGET.tls().verify_mode == ssl.CERT_REQUIRED
