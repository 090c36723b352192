"""Dovecot deletes messages of sdboxes; what it leaves is deleted anyway, with its headers."""

import os
import pathlib

import pytest

from chatmaild.expire.deletion import Deletion
from chatmaild.store.mail import sdbox
from chatmaild.store.mailboxes import DAY_S, Mailboxes

from .tree import ALICE, HOUR_S, NOW_S, FakeDovecot, put, put_cache, put_in_sdbox, run


@pytest.fixture
def dovecot(mailboxes: Mailboxes) -> FakeDovecot:
    """A running Dovecot."""
    return FakeDovecot(mailboxes.directory)


def test_old_messages_are_expunged(
    mailboxes: Mailboxes, alice: pathlib.Path, dovecot: FakeDovecot
) -> None:
    """In every folder; large ones after 7 days if a client listed them, which Dovecot decides."""
    old = [
        put_in_sdbox(alice, 21 * DAY_S),
        put_in_sdbox(alice, 21 * DAY_S, folder="Sent/&AOQ-"),
        put_in_sdbox(alice, 21 * DAY_S, name=".temp.host.1.2"),
    ]
    large = [put_in_sdbox(alice, 8 * DAY_S, size=200001) for _ in range(2)]
    young = [put_in_sdbox(alice, 6 * DAY_S, size=200001), put_in_sdbox(alice, 19 * DAY_S)]
    dovecot.unlisted = {3}

    # the fake stores folders by their names in UTF-7
    (alice / "mailboxes/Sent/&AOQ-").rename(alice / "mailboxes/Sent/ä")
    old[1] = alice / "mailboxes/Sent/ä/dbox-Mails/u.1"
    report = run(mailboxes, dovecot=dovecot)

    assert [file for file in old if file.exists()] == []
    assert [file.exists() for file in (*large, *young)] == [False, True, True, True]
    assert sorted(dovecot.asked) == [
        (str(ALICE), "INBOX", [1], False),
        (str(ALICE), "INBOX", [2, 3], True),
        (str(ALICE), "Sent/ä", [1], False),
    ]
    assert (report.messages, report.deleted_messages) == (7, 4)
    assert report.needs_care == set()


@pytest.mark.parametrize("refuses", [False, True])
def test_what_dovecot_leaves_is_deleted(
    mailboxes: Mailboxes, alice: pathlib.Path, dovecot: FakeDovecot, refuses: bool
) -> None:
    """A crash left a message that no index names, or a command fails: Dovecot repairs its index."""
    old, large = put_in_sdbox(alice, 21 * DAY_S), put_in_sdbox(alice, 8 * DAY_S, size=200001)
    dovecot.unknown, dovecot.unlisted, dovecot.refuses = {1}, {2}, refuses

    report = run(mailboxes, dovecot=dovecot)

    assert (old.exists(), large.exists()) == (False, True)
    assert report.deleted_messages == 1


def test_nothing_is_deleted_without_dovecot(
    mailboxes: Mailboxes, alice: pathlib.Path, dovecot: FakeDovecot
) -> None:
    """The mailbox needs care; others are looked at."""
    old = put_in_sdbox(alice, 21 * DAY_S)
    dovecot.is_down = True

    report = run(mailboxes, dovecot=dovecot)

    assert old.exists()
    assert report.needs_care == {str(alice)}


def test_a_dry_run_asks_nothing(
    mailboxes: Mailboxes, alice: pathlib.Path, dovecot: FakeDovecot
) -> None:
    """It counts large messages as if they had been listed."""
    put_in_sdbox(alice, 21 * DAY_S)
    put_in_sdbox(alice, 8 * DAY_S, size=200001)
    dovecot.is_down = True

    report = run(mailboxes, dry_run=True, dovecot=dovecot)

    assert (report.deleted_messages, report.needs_care) == (2, set())


def test_the_quota_and_its_flag(
    mailboxes: Mailboxes, alice: pathlib.Path, dovecot: FakeDovecot
) -> None:
    """The oldest messages go; messages of today stay, and then the mailbox is nearly full."""
    flag = alice / "nearly-full"
    flag.touch()
    files = [put_in_sdbox(alice, (30 + n) * HOUR_S, size=80000) for n in range(10)]

    run(mailboxes, dovecot=dovecot)
    assert [file.exists() for file in files] == [True] * 9 + [False]
    assert not flag.exists()

    put_in_sdbox(alice, HOUR_S, size=800_000, name="u.11")
    run(mailboxes, dovecot=dovecot)
    assert flag.exists()
    assert [file.exists() for file in files] == [False] * 10


@pytest.mark.parametrize("log_age_s", [None, 101, 99])
def test_messages_that_no_index_knows_are_found(
    mailboxes: Mailboxes, alice: pathlib.Path, dovecot: FakeDovecot, log_age_s: int | None
) -> None:
    """The index is lost, or older than a message that was delivered; a delivery goes on."""
    message = put_in_sdbox(alice, 100)
    put_in_sdbox(alice, 1)
    sent = put_in_sdbox(alice, 100, folder="Sent")
    for file, age_s in ((message, log_age_s), (sent, 100)):
        log = file.parent / "dovecot.index.log"
        if age_s is None:
            log.unlink()
        else:
            os.utime(log, (NOW_S - age_s,) * 2)

    run(mailboxes, dovecot=dovecot)

    assert dovecot.rebuilt == [(str(ALICE), "INBOX")] * (log_age_s != 99)


def test_caches_lose_deleted_headers(
    mailboxes: Mailboxes, alice: pathlib.Path, dovecot: FakeDovecot
) -> None:
    """Dovecot rewrites those with deleted records; if it cannot, the file is removed."""
    inbox, sent = (alice / "mailboxes" / name / "dbox-Mails" for name in ("INBOX", "Sent"))
    put_cache(inbox, deleted=1)
    kept = put_cache(sent, deleted=0)

    run(mailboxes, dovecot=dovecot)
    assert dovecot.purged == [(str(ALICE), "INBOX")]

    broken = put_cache(inbox, deleted=2)
    broken.write_bytes(b"short")
    dovecot.refuses = True
    run(mailboxes, dovecot=dovecot)
    assert (broken.exists(), kept.exists()) == (False, True)


def test_a_maildir_is_cleaned_until_it_is_converted(
    mailboxes: Mailboxes, alice: pathlib.Path, dovecot: FakeDovecot
) -> None:
    """Its caches go with any message, because Dovecot has not counted it."""
    kept = put_cache(alice, deleted=0)
    Deletion(alice, dovecot).purge([], any_of_maildir=False)
    assert kept.exists()
    put(alice, "cur", 21 * DAY_S)
    gone = [kept, put_cache(alice / ".Sent", deleted=1)]

    run(mailboxes, dovecot=dovecot)

    assert [path for path in gone if path.exists()] == []
    assert dovecot.asked == []
    assert list(sdbox.scan(str(alice))) == []
