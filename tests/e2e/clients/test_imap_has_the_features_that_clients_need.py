"""IMAP has the capabilities and METADATA entries that Delta Chat uses."""

from __future__ import annotations

import json

import pytest
from chatmail_testkit.people.person import Person

SHARED = "/shared/vendor/deltachat/"
TOKEN = "/private/devicetoken"


def test_capabilities(alice: Person) -> None:
    """All are present after the login; COMPRESS, which would block hibernation, is not."""
    capabilities = set(alice.imap.capabilities())

    needed = {b"IDLE", b"QUOTA", b"METADATA", b"MOVE", b"ID", b"XDELTAPUSH", b"XCHATMAIL"}
    assert set() == needed - capabilities
    assert b"COMPRESS=DEFLATE" not in capabilities


def test_quota(alice: Person) -> None:
    """The quota is visible, in KiB (RFC 9208)."""
    [storage] = [
        quota for quota in alice.imap.get_quota("INBOX") if quota.resource.upper() == "STORAGE"
    ]

    assert storage.limit == 500 * 1024


def test_shared_metadata(alice: Person) -> None:
    """One command on the empty mailbox name returns all, as core asks."""
    names = ["maxsmtprecipients", "turn", "irohrelay", "appversions", "no-such-key"]
    values = alice.imap.get_metadata("", *(SHARED + name for name in names))

    assert values[f"{SHARED}maxsmtprecipients"] == "1000"
    assert not values.get(f"{SHARED}no-such-key")
    turn = values.get(f"{SHARED}turn")
    assert turn is None or alice.domain == turn.split(":")[0]
    versions = values.get(f"{SHARED}appversions")
    assert versions is None or isinstance(json.loads(versions), dict)


def test_device_tokens(alice: Person, bob: Person) -> None:
    """Every device adds its token; only the owner sees them, without duplicates."""
    tokens = ["openpgp:AAAA", "openpgp:BBBB"]
    for token in [*tokens, tokens[0]]:
        assert alice.imap.set_metadata("INBOX", TOKEN, token) == "OK"

    found = alice.logs_in().get_metadata("INBOX", TOKEN)[TOKEN]

    assert tokens == sorted((found or "").split())
    assert not bob.imap.get_metadata("INBOX", TOKEN).get(TOKEN)


@pytest.mark.parametrize("name", ["/private/other", f"{SHARED}turn", "/shared/comment"])
def test_other_metadata_cannot_be_set(name: str, alice: Person) -> None:
    """Clients can set their device tokens only."""
    assert alice.imap.set_metadata("INBOX", name, "x") != "OK"


def test_special_folders(alice: Person) -> None:
    """The usual folders get their special-use attribute (RFC 6154)."""
    names = ["Drafts", "Junk", "Trash", "Sent"]
    for name in names:
        alice.imap.create_folder(name)

    flags = {flag for flags, _, _ in alice.imap.list_folders() for flag in flags}

    assert {f"\\{name}".encode() for name in names} <= flags
