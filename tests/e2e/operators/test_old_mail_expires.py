"""`chatmaild expire` deletes old mail and addresses; open IMAP sessions stay consistent."""

from __future__ import annotations

import time

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.filling import fill, folder
from chatmail_testkit.relays.target import AS_VMAIL, Machine
from chatmail_testkit.waiting import wait_for
from conftest import PersonFactory

MAILBOXES = "/var/lib/chatmail/mail"
LARGE = "x" * 250_000  # above the relay's limit for large messages, 200,000 bytes
OLD, A_WEEK_OLD = "21 days ago", "8 days ago"
QUOTA_MEGABYTES = 500
# one more message exceeds the first limit
FILLING = 12
FILLING_BYTES = 32_700_000


# others start chatmail-expire, too, and a dry run then finds nothing
@pytest.mark.disturbs
def test_old_messages_and_addresses_are_deleted(
    alice: Person, bob: Person, new_person: PersonFactory, machine: Machine
) -> None:
    """Messages after 20 days, large ones after 7; addresses 90 days after the last login.

    A dry run lists them. The sessions of a deleted address end.
    """
    _gets_message_of(bob, alice, machine, OLD)
    _gets_message_of(bob, alice, machine, A_WEEK_OLD, text=LARGE)
    _gets_message_of(bob, alice, machine, A_WEEK_OLD)
    gone = new_person(alice.domain)
    session = gone.logs_in()
    machine.run("touch", "-d", "91 days ago", f"{MAILBOXES}/{gone.address}/password")
    uids = bob.imap.search("ALL")
    assert len(uids) == 3

    told = machine.run(*AS_VMAIL, "chatmaild", "expire", "--dry-run")
    bob.imap.noop()
    assert "would delete" in told
    assert bob.imap.search("ALL") == uids
    assert gone.address in machine.run("ls", MAILBOXES)

    machine.run("systemctl", "start", "chatmail-expire")

    wait_for(lambda: _uids(bob) == uids[2:], "the end of two messages")
    assert gone.address not in machine.run("ls", MAILBOXES)
    wait_for(lambda: session.has_ended(), "the end of the session")
    _check_consistent(bob, uids[2:])
    alice.sends(bob)
    assert bob.receives()
    assert bob.last_uid > uids[-1]


def test_the_oldest_messages_make_room(alice: Person, bob: Person, machine: Machine) -> None:
    """Above 75 % of the quota they are deleted down to 70 %, with a session open."""
    bob.imap.noop()
    _fill(bob, machine)

    alice.sends(bob, text="x" * 1_000_000)

    wait_for(lambda: 60 < _used_percent(bob) <= 70, "a mailbox with room")
    uids = _uids(bob)
    assert len(uids) == FILLING  # the oldest was deleted, the new one arrived
    _check_consistent(bob, uids)


def test_an_address_with_a_hyphen_is_cleaned(
    relay: str, new_person: PersonFactory, machine: Machine
) -> None:
    """A leading hyphen; Postfix rejects such recipients, so the message is stored over IMAP."""
    person = new_person(relay)
    person.name = f"-{person.name[1:]}"
    person.imap.noop()
    _fill(person, machine)

    person.imap.append("INBOX", b"Subject: draft\r\n\r\n" + b"x" * 1_000_000)

    wait_for(lambda: 60 < _used_percent(person) <= 70, "a mailbox with room")


def test_other_directories_are_skipped(alice: Person, bob: Person, machine: Machine) -> None:
    """They are reported and kept; the other mailboxes are cleaned."""
    _gets_message_of(bob, alice, machine, OLD)
    strange = f"{MAILBOXES}/a b@{alice.domain}"
    machine.run("install", "-d", "-o", "vmail", "-g", "vmail", strange)
    try:
        machine.run("touch", "-d", "91 days ago", f"{strange}/password")

        told = machine.run(*AS_VMAIL, "chatmaild", "expire", "--verbose")

        wait_for(lambda: _uids(bob) == [], "the end of the message")
        assert f"needs care: {strange}" in told
        assert strange in machine.run("find", MAILBOXES, "-maxdepth", "1")
    finally:
        machine.run("rm", "-r", strange)


def test_the_timer_runs(machine: Machine) -> None:
    """Every night, and after downtime."""
    shown = machine.run(
        *("systemctl", "show", "chatmail-expire.timer", "--property"),
        "ActiveState,Persistent,TimersCalendar",
    )

    assert "ActiveState=active" in shown
    assert "Persistent=yes" in shown
    assert "OnCalendar=*-*-* 00:02:00" in shown


def _gets_message_of(
    person: Person, sender: Person, machine: Machine, age: str, text: str = "hello"
) -> None:
    """Deliver a message, set its age, and let a client see it."""
    sender.sends(person, text=text)
    person.receives()
    machine.run(
        *("find", folder(person), "-name", "u.*", "-newermt", "1 day ago"),
        *("-exec", "touch", "-d", age, "{}", "+"),
    )


def _fill(person: Person, machine: Machine) -> None:
    """Add messages of two days ago without content."""
    then_s = time.time() - 2 * 86400
    fill(person, machine, FILLING, FILLING_BYTES, stored_s=then_s)


def _used_percent(person: Person) -> float:
    [storage] = [one for one in person.imap.get_quota("INBOX") if one.resource == "STORAGE"]
    return float(100 * storage.usage / (QUOTA_MEGABYTES * 1024))


def _uids(person: Person) -> list[int]:
    person.imap.noop()
    return list(person.imap.search("ALL"))


def _check_consistent(person: Person, uids: list[int]) -> None:
    """Check that a second session has the same UIDs and that the quota fits."""
    session = person.logs_in()
    status = session.select_folder("INBOX")
    [storage] = [one for one in session.get_quota("INBOX") if one.resource == "STORAGE"]
    sizes = session.fetch(session.search("ALL"), ["RFC822.SIZE"])

    assert sorted(sizes) == uids
    assert status[b"EXISTS"] == len(uids)
    size = sum(one[b"RFC822.SIZE"] for one in sizes.values()) / 1024
    assert storage.usage == pytest.approx(size, abs=1)
