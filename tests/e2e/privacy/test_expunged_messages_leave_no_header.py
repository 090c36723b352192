"""No file keeps Message-ID or subject of a message that was expunged or has expired."""

from __future__ import annotations

import secrets

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.filling import MAIL, folder
from chatmail_testkit.relays.target import Machine

QUERY = ["INTERNALDATE", "RFC822.SIZE", "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID DATE FROM SUBJECT)]"]
# beyond 100 Dovecot keeps an expunged one in its cache
MANY = 150
MONTH_S = 30 * 86_400


@pytest.fixture
def secret() -> str:
    """Text that is nowhere else."""
    return secrets.token_hex(12)


def test_expunged(alice: Person, machine: Machine, secret: str) -> None:
    """Few messages: at once. Many: after the daily run. The open session goes on."""
    for count in (3, MANY):
        _has(alice, count, secret)
        assert secret in _found(alice, machine, secret)
        uid = max(alice.imap.search("ALL"))
        alice.imap.delete_messages([uid])
        alice.imap.expunge()
        if count == MANY:
            machine.run("systemctl", "start", "chatmail-expire")

        assert _found(alice, machine, secret) == ""
    rest = alice.imap.search("ALL")
    assert len(alice.imap.fetch(rest, QUERY)) == len(rest)


def test_expired(alice: Person, machine: Machine, secret: str) -> None:
    """The daily run has Dovecot delete a message."""
    _has(alice, 1, secret)
    machine.run("sh", "-c", f"touch -d '-{MONTH_S} seconds' {folder(alice)}/u.*")
    alice.leaves()
    machine.run("systemctl", "start", "chatmail-expire")

    assert _found(alice, machine, secret) == ""
    assert alice.imap.search("ALL") == []


def _has(person: Person, count: int, secret: str) -> None:
    """Store messages, the last one with the secret, and have all of them cached."""
    for number in range(count):
        text = secret if number == count - 1 else str(number)
        head = f"From: a@b.test\r\nSubject: {text}\r\nMessage-ID: <{text}@b.test>\r\n"
        person.imap.append("INBOX", f"{head}\r\nhi\r\n".encode())
        if number in (0, count - 1):
            person.imap.fetch(person.imap.search("ALL"), QUERY)


def _found(person: Person, machine: Machine, secret: str) -> str:
    """The secret with the names of files that have it, or nothing."""
    files = machine.run("sh", "-c", f"grep -rl {secret} {MAIL}/{person.address} || true")
    return f"{secret} in {files}" if files else ""
