"""IMAP METADATA (RFC 5464) shows the operator's settings in one command, as core asks."""

from __future__ import annotations

import json

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Machine

SETTINGS = "/etc/chatmail/settings.json"
VENDOR = "/shared/vendor/deltachat/"
TOKEN = "/private/devicetoken"


def test_every_key_has_its_value(alice: Person, machine: Machine) -> None:
    """Known keys return the settings; an unknown key returns nothing."""
    settings = json.loads(machine.run("cat", SETTINGS))
    versions = settings["appVersionsFile"]
    names = ["irohrelay", "maxsmtprecipients", "turn", "appversions", "unknown"]

    asked = ["/shared/admin", "/shared/comment", *(f"{VENDOR}{name}" for name in names)]
    values = alice.imap.get_metadata("", *asked)

    admin = settings["contact"]["mail"]
    assert values["/shared/admin"] == (admin and f"mailto:{admin}")
    assert values[f"{VENDOR}irohrelay"] == settings["iroh"]["url"]
    assert values[f"{VENDOR}maxsmtprecipients"] == str(settings["mail"]["maxRecipients"])
    assert (values[f"{VENDOR}turn"] or "").startswith(f"{settings['domain']}:")
    shown = values[f"{VENDOR}appversions"]
    assert json.loads(shown or "null") == json.loads(machine.run("cat", versions))
    assert "\n" not in (shown or "")
    assert not values.get("/shared/comment")
    assert not values.get(f"{VENDOR}unknown")


@pytest.mark.parametrize("token", ["", "with space", "x" * 4097, "openpgp:\x01"])
def test_invalid_tokens_are_refused(token: str, alice: Person) -> None:
    """The earlier token stays."""
    assert alice.imap.set_metadata("INBOX", TOKEN, "openpgp:AAAA") == "OK"

    assert alice.imap.set_metadata("INBOX", TOKEN, token) != "OK"

    assert alice.logs_in().get_metadata("INBOX", TOKEN)[TOKEN] == "openpgp:AAAA"


def test_tokens_belong_to_one_address(alice: Person, bob: Person) -> None:
    """Several tokens, without duplicates, joined by spaces; the longest allowed stays whole."""
    tokens = sorted(["openpgp:AAAA", "b" * 4096])
    for token in (*tokens, tokens[0]):
        assert alice.imap.set_metadata("INBOX", TOKEN, token) == "OK"

    joined = alice.imap.get_metadata("INBOX", TOKEN)[TOKEN] or ""

    assert sorted(joined.split(" ")) == tokens
    assert not bob.imap.get_metadata("INBOX", TOKEN).get(TOKEN)
