"""What fails keeps an account as it is, and others are converted."""

import errno
import os
import shutil

import pytest

from chatmaild.conversion import places, room
from chatmaild.conversion.accounts import FAILED, Result
from chatmaild.errors import ToolError
from chatmaild.store.mail.formats import Format, format_of
from chatmaild.store.mailboxes import Mailboxes

from .standins import ALICE, BOB, TEXT, Copies, convert, put


def test_a_failure_keeps_the_mailbox(boxes: Mailboxes) -> None:
    """The reason is in a file, which the next attempt removes; other accounts are converted."""
    copies = Copies(boxes, broken={ALICE})

    result = convert(boxes, copies)

    home = boxes.path(ALICE)
    assert (result.converted, result.failed) == (1, 1)
    assert format_of(boxes.path(BOB)) is Format.SDBOX
    assert (home / FAILED).read_text() == "the tool is broken\n"
    assert format_of(home) is Format.MAILDIR
    assert len(list((home / "cur").iterdir())) == 2
    assert not (home / places.CONVERTING).exists()
    copies.broken.clear()
    convert(boxes, copies, ALICE)
    assert format_of(home) is Format.SDBOX
    assert not (home / FAILED).exists()


def test_without_its_tool_nothing_is_converted(boxes: Mailboxes) -> None:
    """No account is at fault."""

    def copy(number: int) -> None:
        raise ToolError("doveadm does not work")

    with pytest.raises(ToolError):
        convert(boxes, Copies(boxes, meanwhile=copy))

    assert not any((boxes.path(one) / FAILED).exists() for one in (ALICE, BOB))


def test_an_incomplete_copy_is_not_taken(boxes: Mailboxes) -> None:
    """One message is missing in it each time; sessions go on."""

    def lose(number: int) -> None:
        (boxes.path(ALICE) / places.CONVERTING / "mailboxes/INBOX/dbox-Mails/u.2").unlink()

    convert(boxes, Copies(boxes, meanwhile=lose), ALICE)

    assert "1 messages are in the maildir only" in (boxes.path(ALICE) / FAILED).read_text()
    assert format_of(boxes.path(ALICE)) is Format.MAILDIR


def test_a_full_disk_keeps_the_mailbox(boxes: Mailboxes) -> None:
    """In the middle of a copy, and of the renames."""

    def fill(number: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    result = convert(boxes, Copies(boxes, meanwhile=fill), ALICE)

    assert result == Result(failed=1)
    assert (boxes.path(ALICE) / FAILED).read_text() == "the disk says: No space left on device\n"
    assert format_of(boxes.path(ALICE)) is Format.MAILDIR
    assert len(list((boxes.path(ALICE) / "cur").iterdir())) == 2


def test_no_copy_fills_the_disk(boxes: Mailboxes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no room for all of them at once, they are copied one by one."""
    room_for = [room.Size(2, 2 * len(TEXT))]
    monkeypatch.setattr(room, "is_short", lambda directory, sizes: list(sizes) != room_for)
    put(boxes.path(BOB), 3)
    copies = Copies(boxes)

    result = convert(boxes, copies)

    assert (result.converted, result.failed) == (1, 1)
    assert "no room for a second copy" in (boxes.path(BOB) / FAILED).read_text()
    assert copies.copies == [[str(ALICE.account)]]


def test_an_account_with_both_formats_is_not_touched(boxes: Mailboxes) -> None:
    """An older version ran after the conversion, and made a maildir beside the sdbox."""
    (boxes.path(ALICE) / "mailboxes").mkdir()

    result = convert(boxes, Copies(boxes), ALICE)

    assert result.failed == 1
    assert "both formats" in (boxes.path(ALICE) / FAILED).read_text()
    assert len(list((boxes.path(ALICE) / "cur").iterdir())) == 2


def test_a_link_is_told_and_not_followed(boxes: Mailboxes) -> None:
    """The account stays shut, and the directory of another one as it is."""
    shutil.rmtree(boxes.path(ALICE) / "cur")
    (boxes.path(ALICE) / "cur").symlink_to(boxes.path(BOB) / "cur")

    result = convert(boxes, Copies(boxes), ALICE)

    assert result.failed == 1
    assert (boxes.path(ALICE) / FAILED).read_text() == "cur is not a directory\n"
    assert format_of(boxes.path(ALICE)) is None
    assert len(list((boxes.path(BOB) / "cur").iterdir())) == 2


def test_an_unreadable_list_keeps_the_mailbox(boxes: Mailboxes) -> None:
    """Dovecot repairs it in its copy, or the copy has other messages."""
    (boxes.path(ALICE) / "dovecot-uidlist").write_text("nonsense\n")

    result = convert(boxes, Copies(boxes))

    assert (result.converted, result.failed) == (1, 1)
    assert "no UID" in (boxes.path(ALICE) / FAILED).read_text()


@pytest.mark.parametrize("is_made_again", [False, True])
def test_an_account_can_be_deleted_meanwhile(boxes: Mailboxes, is_made_again: bool) -> None:
    """And made again: the new one gets nothing of the old one."""

    def delete(number: int) -> None:
        boxes.delete(ALICE)
        if is_made_again:
            boxes.create(ALICE, "other", now_s=1.7e9)
        # Dovecot's tool goes on with what it has begun
        _write = boxes.path(ALICE) / places.CONVERTING / "mailboxes/INBOX/dbox-Mails/u.1"
        _write.parent.mkdir(parents=True)
        _write.write_text("secret")

    result = convert(boxes, Copies(boxes, meanwhile=lambda n: delete(n) if n == 1 else None))

    assert result == Result(converted=1, others=1)
    assert boxes.exists(ALICE) is is_made_again
    assert list(boxes.path(ALICE).rglob("u.*")) == []
    assert boxes.path(ALICE).exists() is is_made_again


def test_a_deleted_account_is_no_failure(boxes: Mailboxes) -> None:
    """It is gone before its turn."""
    boxes.delete(ALICE)

    assert convert(boxes, Copies(boxes)) == Result(converted=1, others=1)
