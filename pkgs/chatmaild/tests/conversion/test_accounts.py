"""Accounts are converted with copies that a stand-in writes, and changes are noticed."""

import pathlib

import pytest

from chatmaild.address import parse_address
from chatmaild.conversion import accounts, places
from chatmaild.conversion.accounts import FAILED, Converter, Result
from chatmaild.conversion.service import waiting
from chatmaild.store.mail.formats import Choice, Format, format_of
from chatmaild.store.mailboxes import Mailboxes

from .standins import ALICE, BOB, Copies, Sessions, convert, put, uids


def test_all_messages_are_there_afterwards(boxes: Mailboxes) -> None:
    """With the times by which they expire; sessions end, and nothing is left of the maildir."""
    copies, sessions = Copies(boxes), Sessions(boxes)
    converter = Converter(boxes, Format.SDBOX, copies, sessions)

    converter.convert([ALICE, BOB])

    home = boxes.path(ALICE)
    assert uids(home) == ["u.1", "u.2"]
    assert (home / "mailboxes/INBOX/dbox-Mails/u.2").stat().st_mtime == 1700000002
    assert sorted(path.name for path in home.iterdir()) == [
        "enforceE2EEincoming",
        "mailboxes",
        "password",
    ]
    assert sessions.ended == [ALICE, BOB]
    assert converter.result == Result(converted=2)
    assert (len(copies.copies), copies.rests) == (1, 0)
    assert waiting(boxes, Format.SDBOX) == []


def test_a_message_that_arrives_meanwhile_is_copied(boxes: Mailboxes) -> None:
    """While the mailbox is in use; then nothing is left for the time in which it is not."""
    copies = Copies(boxes, meanwhile=lambda n: put(boxes.path(BOB), 9) if n == 1 else None)

    convert(boxes, copies)

    assert (len(copies.copies), copies.rests) == (2, 0)
    assert uids(boxes.path(BOB)) == ["u.1", "u.2", "u.9"]


def test_the_rest_of_a_busy_mailbox_is_copied_alone(boxes: Mailboxes) -> None:
    """Something arrives at each copy; what came since the last one is little."""
    copies = Copies(boxes, meanwhile=lambda n: put(boxes.path(BOB), n + 8))

    convert(boxes, copies, BOB)

    assert (len(copies.copies), copies.rests) == (2, 1)
    assert uids(boxes.path(BOB)) == [f"u.{uid}" for uid in (1, 10, 2, 9)]


def test_a_mailbox_is_given_back_if_the_rest_takes_too_long(
    boxes: Mailboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried some more times, then it stays as it is, and the reason is in a file."""
    monkeypatch.setattr(accounts, "_PAUSE_S", 0)
    copies = Copies(boxes, meanwhile=lambda n: put(boxes.path(BOB), n + 8), is_slow=True)

    result = convert(boxes, copies)

    assert (result.converted, result.failed, copies.rests) == (1, 1, 5)
    assert format_of(boxes.path(BOB)) is Format.MAILDIR
    assert (boxes.path(BOB) / FAILED).read_text() == "too much\n"


def test_a_copy_that_breaks_is_made_anew(boxes: Mailboxes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dovecot may have left it in the middle of a change."""
    monkeypatch.setattr(accounts, "_PAUSE_S", 0)
    stray = boxes.path(BOB) / places.CONVERTING / "mailboxes/INBOX/dbox-Mails/u.77"

    def change(number: int) -> None:
        put(boxes.path(BOB), number + 8)
        if number == 1:
            stray.write_text("")

    copies = Copies(boxes, meanwhile=change, breaks=1)

    result = convert(boxes, copies, BOB)

    assert (result.converted, result.failed, copies.rests) == (1, 0, 2)
    assert uids(boxes.path(BOB)) == sorted(f"u.{uid}" for uid in (1, 2, 9, 10, 11, 12))


def test_what_a_killed_copy_left_is_removed(boxes: Mailboxes) -> None:
    """It may be incomplete, also after a power failure."""
    orphan = boxes.path(ALICE) / places.CONVERTING / "mailboxes/INBOX/dbox-Mails/u.7"
    orphan.parent.mkdir(parents=True)
    orphan.write_text("2 M1e C6b0bfbee\n\x01\x02N          0000000000000000\n")
    assert waiting(boxes, Format.SDBOX)[0] == ALICE

    convert(boxes, Copies(boxes), ALICE)

    assert uids(boxes.path(ALICE)) == ["u.1", "u.2"]


def test_new_accounts_have_the_chosen_format(boxes: Mailboxes, tmp_path: pathlib.Path) -> None:
    """Maildir until one is chosen: the previous system may come back."""
    first, second = (parse_address(f"new{n}23456@chat.example.org") for n in (1, 2))

    boxes.create(first, "hash", now_s=1.7e9)
    Choice(tmp_path / "choice").store(Format.SDBOX)
    boxes.create(second, "hash", now_s=1.7e9)

    assert format_of(boxes.path(first)) is Format.MAILDIR
    assert format_of(boxes.path(second)) is Format.SDBOX


def test_an_account_that_was_never_used_gets_a_format(boxes: Mailboxes) -> None:
    """Older versions left that to Dovecot."""
    home = boxes.path(ALICE)
    for part in ("cur", "new"):
        for path in (home / part).iterdir():
            path.unlink()
        (home / part).rmdir()

    assert boxes.is_usable(ALICE)

    assert format_of(home) is Format.MAILDIR
    assert not boxes.is_usable(parse_address("nobody123@chat.example.org"))
