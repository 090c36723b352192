"""A place that may have one kind of personal data may not have another."""

from __future__ import annotations

import pytest

from chatmail_testkit.traces.ledger import Kind
from chatmail_testkit.traces.places import ALLOWED, Find, faults

MAIL = "/var/lib/chatmail/mail"
ALICE, BOB = "alice1234@a.test", "bobby5678@a.test"
INBOX = "mailboxes/INBOX/dbox-Mails"
MESSAGE = f"{MAIL}/{ALICE}/{INBOX}/u.1"
QUEUE = "/var/lib/postfix/queue"
PENDING = "/var/lib/chatmail/accounts/pending_notifications/0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        ("address", f"name {MAIL}/{ALICE}"),
        ("address", MESSAGE),
        ("address", f"{MAIL}/{ALICE}/mailboxes/Work/New/dbox-Mails/u.7"),
        ("address", f"{MAIL}/{ALICE}/.DeltaChat/new/1"),
        ("subject", MESSAGE),
        ("address", f"{MAIL}/{ALICE}/{INBOX}/.temp.a.test.1.2"),
        ("address", f"{QUEUE}/deferred/A/ABC"),
        ("device token", f"{MAIL}/{ALICE}/metadata.json"),
        ("device token", PENDING),
        ("address", PENDING),
        ("invite", "name /var/lib/chatmail/accounts/invites/x"),
    ],
)
def test_allowed(kind: Kind, place: str) -> None:
    """Each has a reason."""
    assert faults([Find(place, kind, "alice1234")], {ALICE}) == []
    assert all(one.reason.endswith(".") for one in ALLOWED)


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        ("password", MESSAGE),
        ("password", f"{MAIL}/{ALICE}/password"),
        ("password", "process dovecot environ"),
        ("address", "journal"),
        ("address", "metrics"),
        ("address", "process chatmaild cmdline"),
        ("address", "/var/lib/chatmail/accounts/deleted/2026-11-29"),
        ("address", f"{MAIL}/{ALICE}/metadata.json"),
        ("address", f"name {MAIL}/{ALICE}/{INBOX}/alice1234"),
        ("address", f"{MAIL}/{ALICE}/{INBOX}/dovecot.index.log"),
        ("IP address", f"{QUEUE}/deferred/A/ABC"),
        ("IP address", MESSAGE),
        ("IP address", "/var/log/nginx/access.log"),
        ("device token", f"{QUEUE}/deferred/A/ABC"),
        ("device token", "name /var/lib/chatmail/accounts/invites/x"),
        ("subject", f"{QUEUE}/deferred/A/ABC"),
    ],
)
def test_not_allowed(kind: Kind, place: str) -> None:
    """For another kind, or at all."""
    find = Find(place, kind, "alice1234")

    assert faults([find], {ALICE}) == [find]


@pytest.mark.parametrize(
    "place", [f"name {MAIL}/{ALICE}", MESSAGE, f"{MAIL}/{ALICE}/metadata.json"]
)
def test_after_the_deletion(place: str) -> None:
    """What is left of a mailbox is a fault."""
    kind: Kind = "device token" if place.endswith("json") else "address"
    find = Find(place, kind, "alice1234")

    assert faults([find], {BOB}) == [find]


def test_the_name_of_another_mailbox() -> None:
    """Only its own address is in its name."""
    find = Find(f"name {MAIL}/{BOB}", "address", "alice1234")

    assert faults([find], {ALICE, BOB}) == [find]


def test_the_cache_of_dovecot() -> None:
    """It may have what a message of the same mailbox has."""
    cache = Find(f"{MAIL}/{BOB}/{INBOX}/dovecot.index.cache", "address", "alice1234")
    message = Find(f"{MAIL}/{BOB}/{INBOX}/u.1", "address", "alice1234")
    elsewhere = Find(MESSAGE, "address", "alice1234")

    assert faults([cache, message], {ALICE, BOB}) == []
    assert faults([cache, elsewhere], {ALICE, BOB}) == [cache]
