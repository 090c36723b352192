"""Facts of the operator in IMAP METADATA (RFC 5464), asked for in one command as core does."""

from __future__ import annotations

import json

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Machine

SETTINGS = "/etc/chatmail/settings.json"
VENDOR = "/shared/vendor/deltachat/"
TOKEN = "/private/devicetoken"


def test_every_fact(alice: Person, machine: Machine) -> None:
    """Each key has what the settings say; an unknown one has nothing, and breaks nothing."""
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
def test_what_is_no_token(token: str, alice: Person) -> None:
    """Is refused, and the one before stays."""
    assert alice.imap.set_metadata("INBOX", TOKEN, "openpgp:AAAA") == "OK"

    assert alice.imap.set_metadata("INBOX", TOKEN, token) != "OK"

    assert alice.logs_in().get_metadata("INBOX", TOKEN)[TOKEN] == "openpgp:AAAA"


def test_tokens_belong_to_one_person(alice: Person, bob: Person) -> None:
    """Several devices, each once, joined by one space; the longest that may be is kept whole."""
    tokens = sorted(["openpgp:AAAA", "b" * 4096])
    for token in (*tokens, tokens[0]):
        assert alice.imap.set_metadata("INBOX", TOKEN, token) == "OK"

    joined = alice.imap.get_metadata("INBOX", TOKEN)[TOKEN] or ""

    assert sorted(joined.split(" ")) == tokens
    assert not bob.imap.get_metadata("INBOX", TOKEN).get(TOKEN)
