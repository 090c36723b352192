"""Accounts are converted with copies that a stand-in writes, and changes are noticed."""

import pathlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import pytest

from chatmaild.address import Address, parse_address
from chatmaild.conversion import places
from chatmaild.conversion.accounts import FAILED, Converter, waiting
from chatmaild.errors import ConversionError
from chatmaild.store.mail.formats import Choice, Format, format_of
from chatmaild.store.mailboxes import Mailboxes

ALICE = parse_address("alice1234@chat.example.org")
BOB = parse_address("bob123456@chat.example.org")
TEXT = "Subject: hello\n\nhello\n"


def put(home: pathlib.Path, uid: int, *, flags: str = "") -> None:
    """Deliver a message into a maildir, with its UID."""
    base = f"{1700000000 + uid}.M{uid}P1.host,S={len(TEXT)}"
    for part in ("cur", "new", "tmp"):
        (home / part).mkdir(exist_ok=True)
    (home / "cur" / f"{base}:2,{flags}").write_text(TEXT)
    listed = home / "dovecot-uidlist"
    if not listed.exists():
        listed.write_text("3 V1700000000 N1\n")
    with listed.open("a") as file:
        file.write(f"{uid} :{base}\n")


def _copied(maildir: pathlib.Path, copy: pathlib.Path) -> None:
    """What Dovecot's tool writes."""
    place = copy / "mailboxes" / "INBOX" / "dbox-Mails"
    place.mkdir(parents=True, exist_ok=True)
    for row in (maildir / "dovecot-uidlist").read_text().splitlines()[1:]:
        uid = row.partition(" ")[0]
        head = f"2 M1e C6b0bfbee\n\x01\x02N          {len(TEXT):016X}\n"
        (place / f"u.{uid}").write_text(head + TEXT + "\n\x01\x03\nR1\n")


@dataclass
class Copies:
    """Stand-in of `doveadm backup`, to sdbox."""

    mailboxes: Mailboxes
    meanwhile: list[pathlib.Path] = field(default_factory=list)
    is_broken: bool = False
    frozen: int = 0

    def copy(self, accounts: Sequence[str], wanted: Format) -> None:
        """Copy; then a message arrives at the accounts of `meanwhile`."""
        assert wanted is Format.SDBOX
        for account in accounts:
            home = self.mailboxes.directory / account
            if not self.is_broken:
                _copied(home, home / places.CONVERTING)
        for home in self.meanwhile:
            put(home, 9)

    def copy_frozen(self, home: pathlib.Path, wanted: Format) -> None:
        """Copy what came meanwhile."""
        self.frozen += 1
        if self.is_broken:
            raise ConversionError("the tool is broken")
        _copied(home / places.CONVERTED, home / places.CONVERTING)


@dataclass
class Sessions:
    """Notes whose sessions end."""

    mailboxes: Mailboxes
    ended: list[Address] = field(default_factory=list)
    ended_before: list[Address] = field(default_factory=list)

    def end(self, addresses: Iterable[Address]) -> None:
        """Note them."""
        self.ended += addresses

    def end_of(self, address: Address) -> None:
        """Note it; the account must be blocked, and its old mailbox in its place."""
        home = self.mailboxes.path(address)
        assert (home / "mailboxes").is_file()
        assert (home / "cur").is_dir()
        self.ended_before.append(address)


@pytest.fixture
def boxes(tmp_path: pathlib.Path) -> Mailboxes:
    """Two accounts of an older version, each with two messages."""
    found = Mailboxes(tmp_path / "mail", Choice(tmp_path / "choice"))
    found.directory.mkdir()
    for address in (ALICE, BOB):
        found.create(address, "hash", now_s=1.7e9)
        for uid in (1, 2):
            put(found.path(address), uid, flags="S")
    return found


def _uids(home: pathlib.Path) -> list[str]:
    return sorted(path.name for path in (home / "mailboxes/INBOX/dbox-Mails").iterdir())


def test_all_messages_are_there_afterwards(boxes: Mailboxes) -> None:
    """With the times by which they expire; sessions end, and nothing is left of the maildir."""
    copies, sessions = Copies(boxes), Sessions(boxes)
    converter = Converter(boxes, Format.SDBOX, copies, sessions)

    converter.convert([ALICE, BOB])

    home = boxes.path(ALICE)
    assert _uids(home) == ["u.1", "u.2"]
    assert (home / "mailboxes/INBOX/dbox-Mails/u.2").stat().st_mtime == 1700000002
    assert sorted(path.name for path in home.iterdir()) == [
        "enforceE2EEincoming",
        "mailboxes",
        "password",
    ]
    assert sessions.ended_before == [ALICE, BOB]
    assert sessions.ended == [ALICE, BOB]
    assert (converter.result.converted, converter.result.failed, copies.frozen) == (2, 0, 0)
    assert waiting(boxes, Format.SDBOX) == []


def test_a_message_that_arrives_meanwhile_is_copied(boxes: Mailboxes) -> None:
    """A second copy of the mailbox, which nobody can change then."""
    copies = Copies(boxes, meanwhile=[boxes.path(BOB)])

    Converter(boxes, Format.SDBOX, copies, Sessions(boxes)).convert([ALICE, BOB])

    assert copies.frozen == 1
    assert _uids(boxes.path(BOB)) == ["u.1", "u.2", "u.9"]


def test_what_a_killed_copy_left_is_removed(boxes: Mailboxes) -> None:
    """A message file that is not in the index, of a message that was deleted since."""
    orphan = boxes.path(ALICE) / places.CONVERTING / "mailboxes/INBOX/dbox-Mails/u.7"
    orphan.parent.mkdir(parents=True)
    orphan.write_text("2 M1e C6b0bfbee\n\x01\x02N          0000000000000000\n")
    copies = Copies(boxes)

    Converter(boxes, Format.SDBOX, copies, Sessions(boxes)).convert([ALICE])

    assert copies.frozen == 1
    assert _uids(boxes.path(ALICE)) == ["u.1", "u.2"]


def test_a_failure_keeps_the_mailbox(boxes: Mailboxes) -> None:
    """The reason is in a file; the next attempt removes it."""
    copies = Copies(boxes, is_broken=True)
    converter = Converter(boxes, Format.SDBOX, copies, Sessions(boxes))

    converter.convert([ALICE])

    home = boxes.path(ALICE)
    assert converter.result.failed == 1
    assert (home / FAILED).read_text() == "the tool is broken\n"
    assert format_of(home) is Format.MAILDIR
    assert len(list((home / "cur").iterdir())) == 2
    assert not (home / places.CONVERTING).exists()
    copies.is_broken = False
    converter.convert([ALICE])
    assert format_of(home) is Format.SDBOX
    assert not (home / FAILED).exists()


def test_an_incomplete_copy_is_not_taken(boxes: Mailboxes) -> None:
    """One message is missing in it, and is again the second time."""
    copies = Copies(boxes)
    copies.copy_frozen = lambda home, wanted: None  # type: ignore[method-assign]
    real = copies.copy

    def copy(accounts: Sequence[str], wanted: Format) -> None:
        real(accounts, wanted)
        (boxes.path(ALICE) / places.CONVERTING / "mailboxes/INBOX/dbox-Mails/u.2").unlink()

    copies.copy = copy  # type: ignore[method-assign]
    converter = Converter(boxes, Format.SDBOX, copies, Sessions(boxes))

    converter.convert([ALICE])

    assert "1 messages are in the maildir only" in (boxes.path(ALICE) / FAILED).read_text()
    assert format_of(boxes.path(ALICE)) is Format.MAILDIR


def test_an_account_with_both_formats_is_not_touched(boxes: Mailboxes) -> None:
    """An older version ran after the conversion, and made a maildir beside the sdbox."""
    (boxes.path(ALICE) / "mailboxes").mkdir()
    converter = Converter(boxes, Format.MAILDIR, Copies(boxes), Sessions(boxes))

    converter.convert([ALICE])

    assert converter.result.failed == 1
    assert "both formats" in (boxes.path(ALICE) / FAILED).read_text()


def test_a_deleted_account_is_no_failure(boxes: Mailboxes) -> None:
    """It is gone before its turn."""
    boxes.delete(ALICE)
    converter = Converter(boxes, Format.SDBOX, Copies(boxes), Sessions(boxes))

    converter.convert([ALICE, BOB])

    assert (converter.result.converted, converter.result.others) == (1, 1)


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
